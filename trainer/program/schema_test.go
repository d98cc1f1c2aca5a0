package program

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	jsonschemav6 "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

var regen = flag.Bool("regen", false, "write the generated files anew")

// The schemas are what the types say; -regen writes them.
func TestSchemas(t *testing.T) {
	for name, got := range map[string][]byte{MessageJob: generateJob(t), MessageEvent: generateEvent(t)} {
		path := name + ".schema.json"
		if *regen {
			require.NoError(t, os.WriteFile(path, got, 0o644))
			continue
		}
		want, ok := Schema(name)
		require.True(t, ok)
		require.Equal(t, string(got), string(want), "%s is not what the types say; run: go test ./trainer/program -run Schema -regen", path)
	}
	_, ok := Schema("spec")
	require.False(t, ok)
}

func reflector(t *testing.T) *jsonschema.Reflector {
	t.Helper()
	r := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, DoNotReference: true}
	require.NoError(t, r.AddGoComments("github.com/tailsweep/tailsweep/trainer/program", "../job"))
	require.NoError(t, r.AddGoComments("github.com/tailsweep/tailsweep/trainer/program", "../../sweep"))
	return r
}

func encode(t *testing.T, schema *jsonschema.Schema) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(schema))
	return out.Bytes()
}

func generateJob(t *testing.T) []byte {
	s := reflector(t).Reflect(&job.Program{})
	s.Title = "tailsweep: job file of a program, protocol version 1"
	protocol, _ := s.Properties.Get("protocol")
	protocol.Const = job.Protocol
	parameters, _ := s.Properties.Get("parameters")
	parameters.AdditionalProperties = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number"}, {Type: "string"}, {Type: "boolean"}}}
	return encode(t, s)
}

// fields are those of each type of message; the first are required.
var fields = []struct {
	kind               job.Type
	required, optional []string
	about              string
}{
	{job.Started, []string{"step"}, nil, "training begins at this step: 0, or that of the checkpoint in resume"},
	{job.Progress, []string{"step"}, []string{"losses"}, "steps done, and the losses there"},
	{job.Checkpoint, []string{"step", "dir"}, nil, "a complete checkpoint"},
	{job.Metrics, []string{"step", "metrics"}, []string{"standard_error"}, "results at until"},
	{job.Done, []string{"step"}, nil, "the last message: trained to until"},
	{job.Diverged, []string{"step"}, nil, "the last message: a loss is not finite"},
	{job.Preempted, []string{"step"}, nil, "the last message after SIGTERM"},
	{job.Error, []string{"class"}, []string{"message"}, "the last message: failed"},
}

func generateEvent(t *testing.T) []byte {
	all := reflector(t).Reflect(&message{})
	numbers := func(most uint64, number *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", MaxProperties: &most, PropertyNames: &jsonschema.Schema{Pattern: sweep.FreeNamePattern}, AdditionalProperties: number}
	}
	for name, s := range map[string]*jsonschema.Schema{
		"losses": numbers(maxLosses, &jsonschema.Schema{Type: "number"}), "metrics": numbers(maxMetrics, &jsonschema.Schema{Type: "number"}),
		"standard_error": numbers(maxMetrics, &jsonschema.Schema{Type: "number", Minimum: "0"}),
	} {
		field, ok := all.Properties.Get(name)
		require.True(t, ok)
		s.Description = field.Description
		all.Properties.Set(name, s)
	}
	class, _ := all.Properties.Get("class")
	for _, c := range classes {
		class.Enum = append(class.Enum, c)
	}
	root := &jsonschema.Schema{Version: all.Version, Title: "tailsweep: message of a program, protocol version 1", Type: "object"}
	for _, f := range fields {
		s := &jsonschema.Schema{Type: "object", Title: string(f.kind), Description: f.about, Properties: jsonschema.NewProperties(), Required: append([]string{"type"}, f.required...)}
		s.Properties.Set("type", &jsonschema.Schema{Const: f.kind})
		for _, name := range append(f.required, f.optional...) {
			field, ok := all.Properties.Get(name)
			require.True(t, ok, name)
			s.Properties.Set(name, field)
		}
		root.OneOf = append(root.OneOf, s)
	}
	return encode(t, root)
}

func compile(t *testing.T, message string) *jsonschemav6.Schema {
	t.Helper()
	text, _ := Schema(message)
	value, err := jsonschemav6.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschemav6.NewCompiler()
	require.NoError(t, c.AddResource("s.json", value))
	s, err := c.Compile("s.json")
	require.NoError(t, err)
	return s
}

func validate(t *testing.T, s *jsonschemav6.Schema, text string) error {
	t.Helper()
	value, err := jsonschemav6.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	return s.Validate(value)
}

// A message is valid by the schema if, and only if, it is read without an error.
func TestTheSchemaOfMessagesIsWhatIsRead(t *testing.T) {
	require.Len(t, fields, len(types))
	s := compile(t, MessageEvent)
	for _, line := range []string{
		`{"type":"started","step":0}`, `{"type":"progress","step":3}`, `{"type":"progress","step":3,"losses":{"loss":1.5,"a/b.c-d_":-1}}`,
		`{"type":"checkpoint","step":3,"dir":"c"}`, `{"type":"metrics","step":3,"metrics":{"acc":1},"standard_error":{"acc":0}}`,
		`{"type":"done","step":4,"more":true}`, `{"type":"diverged","step":4}`, `{"type":"preempted","step":4}`,
		`{"type":"error","class":"bad_data","message":"m"}`, `{"type":"error","class":"transient"}`,
	} {
		_, err := parse([]byte(line))
		require.NoError(t, err, line)
		require.NoError(t, validate(t, s, line), line)
	}
	for _, line := range []string{
		`{"type":"started"}`, `{"type":"progress","step":-1}`, `{"type":"progress","step":"3"}`, `{"type":"progress","step":1.5}`,
		`{"type":"progress","step":1,"losses":{"a b":1}}`, `{"type":"progress","step":1,"losses":{"a":null}}`, `{"type":"progress","step":1,"losses":[1]}`,
		`{"type":"checkpoint","step":1}`, `{"type":"checkpoint","step":1,"dir":""}`, `{"type":"metrics","step":1,"metrics":{"a":1},"standard_error":{"a":-1}}`,
		`{"type":"error","class":"lost"}`, `{"type":"error"}`,
	} {
		_, err := parse([]byte(line))
		require.Error(t, err, line)
		require.Error(t, validate(t, s, line), line)
	}
}

func TestTheSchemaOfJobs(t *testing.T) {
	s := compile(t, MessageJob)
	j := newJob(t, "trains")
	j.Spec.Dataset = sweep.Dataset{Name: "fashion-mnist", Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}}
	for _, j := range []job.Train{j, newJob(t, "trains")} {
		text, err := json.Marshal(job.NewProgram(j))
		require.NoError(t, err)
		require.NoError(t, validate(t, s, string(text)))
	}
	require.Error(t, validate(t, s, `{"protocol":2}`))
}
