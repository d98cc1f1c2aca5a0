package specfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/invopop/jsonschema"
	jsonschemav6 "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

var regen = flag.Bool("regen", false, "write the generated files anew")

// TestSchema holds that schema.json is what the types say; with -regen it writes it.
func TestSchema(t *testing.T) {
	got := generateSchema(t)
	if *regen {
		require.NoError(t, os.WriteFile("schema.json", got, 0o644))
		return
	}
	want, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "schema.json is not what the types say; run: go test ./sweep/specfile -run Schema -regen")
	require.True(t, bytes.Equal(want, Schema()), "the build has an older schema.json")
}

// generateSchema reflects the schema from the types of spec.go, their tags and
// comments, the closed lists and defaults().
func generateSchema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
		Mapper:                     yamlForm,
	}
	require.NoError(t, r.AddGoComments("github.com/tailsweep/tailsweep/sweep/specfile", "../"))
	root := r.Reflect(&sweep.Spec{})
	spec := root.Definitions["Spec"]
	spec.Title = "tailsweep sweep"
	describe(root.Definitions["Objective"], "name").AnyOf = []*jsonschema.Schema{
		{Enum: metricNames()}, {Pattern: `^fid\.class\.[-_\p{L}\p{M}\p{Nd}]{1,255}$`},
	}

	defaultsOf := map[string]string{"Dataset": "dataset", "Model": "model", "Train": "train", "Evaluate": "evaluate", "Resources": "resources", "Checkpoints": "checkpoints"}
	var values map[string]any
	text, err := json.Marshal(defaults())
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&values))
	addDefaults(spec, values)
	for definition, field := range defaultsOf {
		addDefaults(root.Definitions[definition], values[field].(map[string]any))
	}
	addDefaults(root.Definitions["Imbalance"], values["dataset"].(map[string]any)["imbalance"].(map[string]any))

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(root))
	return out.Bytes()
}

// yamlForm gives the types whose YAML is not their JSON.
func yamlForm(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[sweep.Duration]():
		return &jsonschema.Schema{Type: "string", MinLength: length(2), Pattern: "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$"}
	case reflect.TypeFor[sweep.Constraint]():
		return &jsonschema.Schema{Type: "string", MinLength: length(1), MaxLength: length(200), Format: formatConstraint}
	case reflect.TypeFor[sweep.Space]():
		space := object()
		space.MinProperties = length(1)
		for _, p := range sweep.ParameterList() {
			space.Properties.Set(p.Name, parameterSchema(p))
		}
		return space
	case reflect.TypeFor[sweep.Params]():
		params := object()
		for _, p := range sweep.ParameterList() {
			value := valueSchema(p)
			value.Description = p.About
			params.Properties.Set(p.Name, value)
		}
		return params
	}
	return nil
}

func parameterSchema(p sweep.ParameterInfo) *jsonschema.Schema {
	s := object()
	s.Description = p.About + " Legal: " + p.Legal() + "."
	if !p.Fixed {
		s.Description += " Default: " + p.Default.String() + "."
	}
	set := func(name, about string, field *jsonschema.Schema) {
		field.Description = about
		s.Properties.Set(name, field)
	}
	number := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "number"} }
	var distributions []any
	for _, d := range sweep.DistributionList() {
		if p.Choices == nil || !d.Numbers {
			distributions = append(distributions, d.Name)
		}
	}
	set("distribution", "How values are spread. Left out: value means constant, values categorical, min and max uniform (of batch int_uniform), with q q_uniform.",
		&jsonschema.Schema{Type: "string", Enum: distributions})
	set("value", "The one value of every trial.", valueSchema(p))
	set("values", "The values to choose from; of ordinal in order, numbers ascending.", &jsonschema.Schema{Type: "array", Items: valueSchema(p), MinItems: length(1), MaxItems: length(1000), UniqueItems: true})
	if p.Choices == nil {
		low, high := valueSchema(p), valueSchema(p)
		low.Type, high.Type = "number", "number"
		set("min", "Smallest value; of log distributions too a value, not an exponent. normal and log_normal: where they are cut, default 4 sigma below mu.", low)
		set("max", "Largest value; of log distributions too a value, not an exponent. normal and log_normal: where they are cut, default 4 sigma above mu.", high)
		q := number()
		q.ExclusiveMinimum = "0"
		set("q", "Step of q_uniform and q_log_uniform_values: min, min + q, min + 2q, ... up to max.", q)
		mu := number()
		mu.Minimum, mu.Maximum = "-100", "100"
		set("mu", "Mean of normal; of log_normal the mean of the natural logarithm.", mu)
		sigma := number()
		sigma.ExclusiveMinimum, sigma.Maximum = "0", "100"
		set("sigma", "Standard deviation of normal; of log_normal that of the natural logarithm.", sigma)
		zero := number()
		zero.Minimum, zero.ExclusiveMaximum = "0", "1"
		set("zero", "Probability of an exact 0, outside the range; needs min > 0. A grid takes 0 as one more point.", zero)
		set("count", "Points that a grid takes of the range, ends included; of normal and log_normal equally probable apart.",
			&jsonschema.Schema{Type: "integer", Minimum: "2", Maximum: "10000"})
	}
	set("when", `The parameter takes part only where this holds: "NAME OP VALUE", with one of == != < <= > >=.`,
		&jsonschema.Schema{Type: "string", MinLength: length(3), MaxLength: length(200), Format: formatCondition})
	return s
}

func valueSchema(p sweep.ParameterInfo) *jsonschema.Schema {
	if p.Choices != nil {
		s := &jsonschema.Schema{Type: "string"}
		for _, c := range p.Choices {
			s.Enum = append(s.Enum, c)
		}
		return s
	}
	s := &jsonschema.Schema{Type: "number"}
	if p.Integer {
		s.Type = "integer"
	}
	low, high := json.Number(sweep.Number(p.Min).String()), json.Number(sweep.Number(p.Max).String())
	if p.OpenMin {
		s.ExclusiveMinimum = low
	} else {
		s.Minimum = low
	}
	if p.OpenMax {
		s.ExclusiveMaximum = high
	} else {
		s.Maximum = high
	}
	return s
}

func object() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", AdditionalProperties: jsonschema.FalseSchema, Properties: jsonschema.NewProperties()}
}

func metricNames() []any {
	var names []any
	for _, m := range sweep.MetricList() {
		names = append(names, m.Name)
	}
	return names
}

func describe(s *jsonschema.Schema, field string) *jsonschema.Schema {
	found, _ := s.Properties.Get(field)
	return found
}

// addDefaults sets the default of each scalar and list field that has one.
func addDefaults(s *jsonschema.Schema, values map[string]any) {
	for name, value := range values {
		field, ok := s.Properties.Get(name)
		if _, nested := value.(map[string]any); !ok || nested || value == nil || value == "" || value == json.Number("0") {
			continue
		}
		field.Default = value
	}
}

func length(n uint64) *uint64 { return &n }

// Every field has a description: it is all that an editor shows.
func TestSchemaDescribes(t *testing.T) {
	var walk func(p path, s *jsonschemav6.Schema)
	walk = func(p path, s *jsonschemav6.Schema) {
		for name, field := range target(s).Properties {
			require.NotEmpty(t, field.Description, p.field(name))
			walk(p.field(name), field)
		}
	}
	walk("", compiled())
}
