package specfile

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	jsonschemav6 "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

var regen = flag.Bool("regen", false, "write the generated files anew")

// schema.json is what the types, the closed lists and the defaults say; -regen writes it.
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
// comments, the closed lists and the defaults.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
		Mapper:                     yamlForm,
	}
	require.NoError(t, r.AddGoComments("github.com/tailsweep/tailsweep/sweep/specfile", "../"))
	g := schemaGenerator{t, r.Reflect(&sweep.Spec{})}
	g.root.Definitions["Spec"].Title = "tailsweep sweep"
	g.at("metrics[].name").AnyOf = []*jsonschema.Schema{
		{Enum: metricNames()}, {Pattern: `^fid\.class\.[-_\p{L}\p{M}\p{Nd}]{1,255}$`},
	}
	for p, list := range closedLists() {
		g.at(p).Enum = list
	}
	constants := fieldsOf(t, defaults())
	constants["trainer"] = fieldsOf(t, programDefaults(false))["trainer"]
	g.constants("", constants)
	for p, text := range defaultTexts {
		field := g.at(p)
		require.Nil(t, field.Default, p)
		field.Description += " Default: " + text + "."
	}

	g.program()

	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(g.root))
	return out.Bytes()
}

func fieldsOf(t *testing.T, s sweep.Spec) (fields map[string]any) {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&fields))
	return fields
}

// program adds the schema of a spec with a trainer, which differs in names of the user's choice
// and lacks what belongs to the built-in trainer. The file chooses by the field trainer.
func (g schemaGenerator) program() {
	defs := g.root.Definitions
	copied := func(name string, drop ...string) *jsonschema.Schema {
		of := defs[name]
		c := *of
		c.Properties = jsonschema.NewProperties()
		for pair := of.Properties.Oldest(); pair != nil; pair = pair.Next() {
			if !slices.Contains(drop, pair.Key) {
				field := *pair.Value
				c.Properties.Set(pair.Key, &field)
			}
		}
		defs["Program"+name] = &c
		return &c
	}
	ref := func(s *jsonschema.Schema, field, name string) {
		old, ok := s.Properties.Get(field)
		require.True(g.t, ok, field)
		old.Ref = "#/$defs/" + name
	}
	spec := copied(specDefinition, "model", "generate")
	spec.Title = "tailsweep sweep of a program"
	spec.Required = slices.DeleteFunc(slices.Clone(spec.Required), func(name string) bool { return name == "dataset" })
	copied("Train", "warmup_steps", "batch", "lr", "ema", "label_dropout", "label_dropout_mode", "schedule", "prediction", "precision", "weight_decay", "flip", "clip_norm", "log_every")
	copied("Evaluate", "guidance", "sampler", "ddim_steps", "ddpm_steps", "seed")
	copied("RungEvaluate", "guidance")
	objective := copied("Objective")
	baseline := copied("Baseline")
	ref(spec, "train", "ProgramTrain")
	ref(spec, "evaluate", "ProgramEvaluate")
	ref(spec, "baseline", "ProgramBaseline")
	ref(defs["ProgramEvaluate"], "rung", "ProgramRungEvaluate")
	metrics, _ := spec.Properties.Get("metrics")
	metrics.Items = &jsonschema.Schema{Ref: "#/$defs/ProgramObjective"}
	objective.Properties.Set("name", &jsonschema.Schema{Type: "string", Pattern: sweep.FreeNamePattern, Description: "The metric: " + freeNames + ". With a dataset, the names of the closed list are measured by tailsweep."})

	value := &jsonschema.Schema{
		Extras:      map[string]any{"type": []string{"number", "string", "boolean"}}, // Type has room for one
		Description: "A number, a word, true or false.", Pattern: sweep.FreeWordPattern,
	}
	parameter := parameterSchema(sweep.ParameterInfo{Free: true, Min: -math.MaxFloat64, Max: math.MaxFloat64})
	parameter.Description = "A parameter of the program."
	free := func(of *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", AdditionalProperties: of, MaxProperties: length(maxFreeParameters)}
	}
	set := func(s *jsonschema.Schema, name string, field *jsonschema.Schema) {
		old, ok := s.Properties.Get(name)
		require.True(g.t, ok, name)
		field.Description = old.Description
		s.Properties.Set(name, field)
	}
	set(parameter, "value", ptr(*value))
	set(parameter, "values", &jsonschema.Schema{Type: "array", Items: value, MinItems: length(1), MaxItems: length(1000), UniqueItems: true})
	for _, name := range []string{"min", "max"} {
		set(parameter, name, &jsonschema.Schema{Type: "number"})
	}
	set(parameter, "distribution", &jsonschema.Schema{Type: "string", Enum: must(parameter.Properties.Get("distribution")).Enum})
	defs["ProgramParameter"] = parameter
	space := free(&jsonschema.Schema{Ref: "#/$defs/ProgramParameter"})
	space.MinProperties = length(1)
	set(spec, "parameters", space)
	set(baseline, "params", free(value))
	points, _ := spec.Properties.Get("points")
	points.Items = free(value)

	g.root.Ref = ""
	g.root.If = &jsonschema.Schema{Required: []string{"trainer"}}
	g.root.Then = &jsonschema.Schema{Ref: "#/$defs/" + programDefinition}
	g.root.Else = &jsonschema.Schema{Ref: "#/$defs/" + specDefinition}
}

func ptr[T any](v T) *T { return &v }

func must[T any](v T, ok bool) T {
	if !ok {
		panic("no such field")
	}
	return v
}

// closedLists are the words of every field that takes no others. Fields are named by
// their address, as in checks.
func closedLists() map[path][]any {
	s := &sweep.Spec{Dataset: sweep.Dataset{Groups: &sweep.Grouping{}}, EarlyTerminate: &sweep.EarlyTerminate{}, Metrics: make([]sweep.Objective, 1)}
	lists := make(map[path][]any)
	set := func(field any, words []any) {
		lists[path(strings.Replace(string(fieldPath(s, field)), "[0]", "[]", 1))] = words
	}
	lists["trainer.protocol"] = list(sweep.TrainerProtocols())
	set(&s.APIVersion, []any{sweep.APIVersion})
	set(&s.Method, list(sweep.Methods()))
	set(&s.Metrics[0].Goal, list(sweep.Goals()))
	set(&s.EarlyTerminate.Type, list(sweep.StopTypes()))
	set(&s.Dataset.Imbalance.Profile, list(sweep.Profiles()))
	set(&s.Dataset.Imbalance.Order, list(sweep.Orders()))
	set(&s.Dataset.Groups.By, list(sweep.GroupWays()))
	set(&s.Model.Arch, list(sweep.Archs()))
	set(&s.Train.LabelDropoutMode, list(sweep.DropModes()))
	set(&s.Train.Flip, list(sweep.Flips()))
	set(&s.Train.Schedule, list(sweep.Schedules()))
	set(&s.Train.Prediction, list(sweep.Predictions()))
	set(&s.Train.Precision, list(sweep.Precisions()))
	lists["generate.gates[]"] = list(sweep.ImageGates())
	set(&s.Evaluate.Sampler, list(sweep.Samplers()))
	lists["evaluate.features.network"] = list(sweep.FeatureNetworks())
	var datasets, models []any
	for _, d := range sweep.DatasetList() {
		datasets = append(datasets, d.Name)
	}
	for _, p := range presets {
		models = append(models, p.name)
	}
	set(&s.Dataset.Name, datasets)
	set(&s.Model.Preset, models)
	return lists
}

func list[T any](words []T) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

type schemaGenerator struct {
	t    *testing.T
	root *jsonschema.Schema
}

// at is the schema of a field: "metrics[].goal".
func (g schemaGenerator) at(p path) *jsonschema.Schema {
	g.t.Helper()
	s := g.root
	for _, name := range strings.Split(string(p), ".") {
		s = g.target(s)
		name, item := strings.CutSuffix(name, "[]")
		field, ok := s.Properties.Get(name)
		require.True(g.t, ok, "%s is no field of a spec", p)
		if s = field; item {
			s = field.Items
		}
	}
	return s
}

func (g schemaGenerator) target(s *jsonschema.Schema) *jsonschema.Schema {
	for s.Ref != "" {
		s = g.root.Definitions[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	return s
}

// constants sets the default of each scalar and list that has one in values.
func (g schemaGenerator) constants(p path, values map[string]any) {
	for name, value := range values {
		field := p.field(name)
		if inside, ok := value.(map[string]any); ok && field != "parameters" && field != "budget" {
			g.constants(field, inside)
			continue
		}
		if _, text := defaultTexts[field]; !text && value != nil && value != "" && field != "parameters" && field != "budget" && value != json.Number("0") {
			g.at(field).Default = value
		}
	}
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
	if !p.Fixed && !p.Free {
		s.Description += " Default: " + p.Default.String() + "."
	}
	set := func(name, about string, field *jsonschema.Schema) {
		field.Description = about
		s.Properties.Set(name, field)
	}
	number := func() *jsonschema.Schema { return &jsonschema.Schema{Type: "number"} }
	var distributions []any
	for _, d := range space.Distributions() {
		if p.Choices == nil || d.List != nil {
			distributions = append(distributions, d.Name)
		}
	}
	set("distribution", "How values are spread. If it is left out, value means constant, values means categorical, min and max mean uniform (for batch int_uniform), and with q q_uniform.",
		&jsonschema.Schema{Type: "string", Enum: distributions})
	set("value", "The one value of every trial.", valueSchema(p))
	set("values", "The values to choose from; for ordinal in order, numbers ascending.", &jsonschema.Schema{Type: "array", Items: valueSchema(p), MinItems: length(1), MaxItems: length(1000), UniqueItems: true})
	if p.Choices == nil {
		low, high := valueSchema(p), valueSchema(p)
		low.Type, high.Type = "number", "number"
		set("min", "Smallest value: for log distributions too a value, not an exponent. normal and log_normal are cut off there; default 4 sigma below mu.", low)
		set("max", "Largest value: for log distributions too a value, not an exponent. normal and log_normal are cut off there; default 4 sigma above mu.", high)
		q := number()
		q.ExclusiveMinimum = "0"
		set("q", "Step of q_uniform and q_log_uniform_values: min, min + q, min + 2q, ... up to max.", q)
		mu := number()
		mu.Minimum, mu.Maximum = "-100", "100"
		set("mu", "Mean of normal; for log_normal the mean of the natural logarithm.", mu)
		sigma := number()
		sigma.ExclusiveMinimum, sigma.Maximum = "0", "100"
		set("sigma", "Standard deviation of normal; for log_normal that of the natural logarithm.", sigma)
		zero := number()
		zero.Minimum, zero.ExclusiveMaximum = "0", "1"
		set("zero", "Probability of an exact 0, outside the range; needs min > 0. A grid takes 0 as one more value.", zero)
		set("count", "How many values a grid takes from the range, ends included: for normal and log_normal at equal steps of probability.",
			&jsonschema.Schema{Type: "integer", Minimum: "2", Maximum: "10000"})
	}
	set("when", `A trial has the parameter only if this is true: "NAME OP VALUE", with one of == != < <= > >=.`,
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

func length(n uint64) *uint64 { return &n }

// Commands and datasets check limits of the schema, which the tags of Spec's fields set.
func TestConstantsAreLimitsOfTheSchema(t *testing.T) {
	field := func(names ...string) *jsonschemav6.Schema {
		s := compiled()
		for _, name := range names {
			s = target(s).Properties[name]
			require.NotNil(t, s, name)
		}
		return target(s)
	}
	require.Equal(t, sweep.MostDescription, *field("description").MaxLength)
	for _, c := range []struct {
		field       *jsonschemav6.Schema
		least, most int64
	}{
		{field("max_concurrent_trials"), 1, sweep.MostConcurrent},
		{field("resources", "priority"), sweep.PriorityFirst, sweep.PriorityLast},
		{field("dataset", "size"), sweep.MinSize, sweep.MaxSize},
		{field("evaluate", "ddim_steps"), 1, sweep.DiffusionSteps},
		{field("evaluate", "ddpm_steps"), 1, sweep.DiffusionSteps},
	} {
		require.Equal(t, c.least, c.field.Minimum.Num().Int64(), c.field.Location)
		require.Equal(t, c.most, c.field.Maximum.Num().Int64(), c.field.Location)
	}
}

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
