package specfile

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const referenceFile = "../../docs/spec.md"

// docs/spec.md is what the types, the closed lists and the defaults say; -regen writes it.
func TestReference(t *testing.T) {
	got := (&reference{}).write()
	if *regen {
		require.NoError(t, os.WriteFile(referenceFile, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(referenceFile)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "docs/spec.md is not what the types say; run: go test ./sweep/specfile -run Reference -regen")
}

// reference writes docs/spec.md: a section for each mapping of a spec, in the order of
// the Go types, with a table of its fields from the schema.
type reference struct{ strings.Builder }

func (r *reference) line(format string, args ...any) {
	_, _ = fmt.Fprintf(r, format+"\n", args...) // a strings.Builder takes every write
}

func (r *reference) table(head ...string) {
	r.row(head...)
	r.row(strings.Split(strings.Repeat("---,", len(head)-1)+"---", ",")...)
}

func (r *reference) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", "\\|")
	}
	r.line("| %s |", strings.Join(cells, " | "))
}

func (r *reference) write() string {
	r.line(`# The spec, field by field

<!-- Generated from the Go types: go test ./sweep/specfile -run Reference -regen -->

A spec is a YAML file that describes a sweep: what is trained on what, which parameters are searched, by which method,
and when the sweep ends. `+"`tailsweep init`"+` writes one with comments, `+"`tailsweep validate`"+` reports every fault in it with its line, and
`+"`tailsweep schema`"+` prints the JSON Schema from which an editor completes fields. The shortest spec is

`+"```yaml"+`
%s`+"```"+`

How to read the tables: a field is written in the mapping that the section is named after. Fields without a default
("required") must be given whenever their mapping is. [0, 1) means from 0 to 1, without 1. Numbers are YAML 1.2's: 1e-3 is
a number, and 1 and 1.0 are the same; yes and no are text.`, shortest)
	r.section("", reflect.TypeFor[sweep.Spec](), compiled())
	r.WriteString("\n")
	return r.String()
}

// shortest is a valid spec with nothing that could be left out: see TestShortestSpec.
const shortest = `apiVersion: tailsweep/v1
name: first
method: random
dataset: {name: fashion-mnist-10k}
train: {steps: 2000}
parameters:
  infonce.weight: {min: 0, max: 1}
metrics:
  - name: fid.tail
budget: {run_cap: 10}
`

func TestShortestSpec(t *testing.T) {
	mustParse(t, shortest)
	lines := strings.SplitAfter(strings.TrimSuffix(shortest, "\n"), "\n")
	for i := range lines {
		_, err := Parse("short.yaml", []byte(strings.Join(lines[:i], "")+strings.Join(lines[i+1:], "")))
		require.Errorf(t, err, "without %s", lines[i])
	}
}

// section writes the fields of a mapping, then the mappings in it.
func (r *reference) section(p path, of reflect.Type, s *jsonschema.Schema) {
	s = target(s)
	if p == "" {
		r.line("\n## Top level\n")
	} else {
		r.line("\n## %s\n\n%s\n", p, r.meaning(s0(p)))
	}
	r.table("field", "type", "values", "default", "meaning")
	type nested struct {
		p      path
		of     reflect.Type
		schema *jsonschema.Schema
	}
	var inside []nested
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		field := p.field(name)
		schema := s.Properties[name]
		kind, values := r.kind(field, target(schema))
		r.row("`"+name+"`", kind, values, r.otherwise(field, name, s), r.meaning(schema))
		inner, in := of.Field(i).Type, field
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice && inner != reflect.TypeFor[sweep.Space]() {
			if inner.Kind() == reflect.Slice {
				in += "[]"
			}
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[sweep.Constraint]() || inner == reflect.TypeFor[sweep.Space]() {
			inside = append(inside, nested{in, inner, target(target(schema))})
		}
	}
	r.extra(p)
	for _, n := range inside {
		switch {
		case n.p == "parameters":
			r.parameters(n.schema)
		case strings.HasSuffix(string(n.p), "[]"):
			r.section(path(strings.TrimSuffix(string(n.p), "[]")), n.of, n.schema.Items2020)
		default:
			r.section(n.p, n.of, n.schema)
		}
	}
}

// s0 is the schema of the field that a section is about, which has its description.
func s0(p path) *jsonschema.Schema {
	s := compiled()
	for _, name := range strings.Split(string(p), ".") {
		s = target(s).Properties[name]
	}
	return s
}

func (r *reference) meaning(s *jsonschema.Schema) string {
	text, _, _ := strings.Cut(s.Description, " Default: ")
	return text
}

// kind is the type of a field and the values that it takes.
func (r *reference) kind(p path, s *jsonschema.Schema) (kind, values string) {
	anchor := "#" + strings.NewReplacer(".", "", "[]", "").Replace(string(p))
	switch p {
	case "baseline.params":
		return "[mapping](#parameters)", "a value for each of some parameters"
	case "trainer.digests", "trainer.env":
		return "mapping", "names and texts"
	}
	switch kindOf(s) {
	case "object":
		return "[mapping](" + anchor + ")", ""
	case "array":
		item := target(s.Items2020)
		if p == "points" {
			return "[list of mappings](#parameters)", "each a value for each parameter that applies; " + entries(s)
		}
		if kindOf(item) == "object" {
			return "[list of mappings](" + anchor + ")", entries(s)
		}
		_, values := r.kind(p, item)
		return "list", strings.TrimPrefix(values+"; "+entries(s), "; ")
	case "boolean":
		return "true or false", ""
	case "string":
		switch {
		case s.Enum != nil:
			return "word", strings.Join(words(s), ", ")
		case s.AnyOf != nil:
			return "text", "[a metric](#metrics)"
		case s.Format != nil:
			return "text", "a " + s.Format.Name
		case s.MaxLength != nil && s.Pattern == nil:
			return "text", fmt.Sprintf("at most %d characters", *s.MaxLength)
		}
		return "text", ""
	}
	if s.Enum != nil {
		return kindOf(s), strings.Join(words(s), ", ")
	}
	return kindOf(s), strings.TrimPrefix(strings.TrimPrefix(interval(s), " in"), " ")
}

func entries(s *jsonschema.Schema) string {
	switch {
	case s.MinItems != nil && s.MaxItems != nil:
		return fmt.Sprintf("%d to %d entries", *s.MinItems, *s.MaxItems)
	case s.MaxItems != nil:
		return fmt.Sprintf("at most %d entries", *s.MaxItems)
	}
	return ""
}

// otherwise is what a field is when it is left out.
func (r *reference) otherwise(p path, name string, of *jsonschema.Schema) string {
	for _, required := range of.Required {
		if required == name {
			return "**required**"
		}
	}
	if text, ok := defaultTexts[p]; ok {
		return text
	}
	if text, ok := defaultTexts[path(strings.NewReplacer("metrics.", "metrics[].", "from.", "from[].").Replace(string(p)))]; ok {
		return text
	}
	s := of.Properties[name]
	if s.Default != nil {
		text, err := json.Marshal(*s.Default)
		if err != nil {
			panic(err) // it came from JSON
		}
		return strings.ReplaceAll(strings.Trim(string(text), `"[]`), ",", ", ")
	}
	if kindOf(target(s)) == "object" {
		return "each field has its own"
	}
	panic(fmt.Sprintf("%s has no default: add it to defaults or defaultTexts", p))
}

// extra is what a section has in addition to its table.
func (r *reference) extra(p path) {
	switch p {
	case "model":
		r.line("\nThe presets:\n")
		r.table("preset", "model")
		for _, preset := range presets {
			text, err := json.Marshal(preset.model)
			if err != nil {
				panic(err) // a struct of numbers and words
			}
			fields := strings.NewReplacer(`"`, "", ":", ": ", ",", ", ", "{", "", "}", "").Replace(string(text))
			r.row("`"+preset.name+"`", fields)
		}
	case "metrics":
		r.metrics()
	case "trainer":
		r.line(`
In a spec with a trainer

- parameters, at most %d, and metrics have names of your choice: %s. Values are numbers, words, true and
  false; integer bounds mean int_uniform; there are no defaults, so that a parameter without a value is not passed on;
- a metric of your own needs its goal. loss and steps_per_second come from the training;
- [train](#train) has only steps and seed, [evaluate](#evaluate) only samples_per_class, features, cas and rung.samples_per_class;
  model and generate do not apply;
- with [dataset](#dataset), [the metrics](#metrics) of a group or a class are measured by tailsweep on samples that the program
  writes, and [gates](#gates) apply to them. Without it every metric comes from the program, and evaluate and gates do not apply.

[trainer-protocol.md](trainer-protocol.md) says how a program gets its job and reports.`, maxFreeParameters, freeNames)
	case "":
		r.line(`
A constraint is a text: ` + "`METRIC <= BOUND`" + ` or ` + "`METRIC >= BOUND`" + `, with spaces. BOUND is a number, or relative to the mean of the
baseline's trials: ` + "`baseline.METRIC * NUMBER + NUMBER`" + `; the factor and the addend are optional:
` + "`fid.head <= baseline.fid.head * 1.02`" + `. A time is written as 12h, 90m or 1h30m.`)
	}
}

func (r *reference) metrics() {
	r.line("\nEach of these exists for four groups of classes, as `NAME.all`, `NAME.head`, `NAME.medium` and `NAME.tail`:\n")
	r.table("metric", "better", "unit", "meaning")
	better := map[sweep.Goal]string{sweep.Minimize: "less", sweep.Maximize: "more"}
	for _, m := range sweep.MetricList() {
		if m.Group == sweep.GroupAll {
			about, _ := strings.CutSuffix(m.About, ", over all classes.")
			r.row("`"+strings.TrimSuffix(m.Name, "."+sweep.GroupAll)+"`", better[m.Goal], m.Unit, about+".")
		}
	}
	r.line("\nThese have no group:\n")
	r.table("metric", "better", "unit", "meaning")
	class, _ := sweep.LookupMetric(sweep.FIDClass + "x")
	r.row("`"+sweep.FIDClass+"CLASS`", better[class.Goal], class.Unit, class.About)
	for _, m := range sweep.MetricList() {
		if m.Group == "" {
			r.row("`"+m.Name+"`", better[m.Goal], m.Unit, m.About)
		}
	}
}

func (r *reference) parameters(s *jsonschema.Schema) {
	r.line("\n## parameters\n\n%s For example", r.meaning(s0("parameters")))
	r.line("\n```yaml\nparameters:\n%s```\n", `  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  infonce.temperature: {min: 0.05, max: 1, when: "infonce.weight > 0"}
  batch: {values: [64, 128, 256]}
`)
	r.line("A parameter is a mapping of these fields:\n")
	r.table("field", "type", "values", "meaning")
	number := target(s.Properties[sweep.ParamLR])
	for i := range reflect.TypeFor[sweep.Parameter]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[sweep.Parameter]().Field(i).Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		field := target(number.Properties[name])
		kind, values := r.kind("", field)
		switch name {
		case "value", "min", "max":
			values = "as the parameter"
		case "values":
			values = "each as the parameter; " + entries(field)
		case "distribution":
			values = "below"
		}
		r.row("`"+name+"`", kind, values, field.Description)
	}
	r.line("\nThe distributions. Those marked * are for numbers only:\n")
	r.table("distribution", "needs", "may take", "values")
	for _, d := range space.Distributions() {
		mark := ""
		if d.List == nil {
			mark = " *"
		}
		r.row("`"+string(d.Name)+"`"+mark, strings.Join(d.Needs, ", "), strings.Join(d.Takes, ", "), d.About)
	}
	r.line("\nThe parameters. A trial without a value has the default. For those marked \"spec\" it is the field of the\nsame name in [train](#train) or [evaluate](#evaluate):\n")
	r.table("parameter", "values", "default", "meaning")
	for _, p := range sweep.ParameterList() {
		otherwise := p.Default.String()
		if p.Fixed {
			otherwise = "spec"
		}
		r.row("`"+p.Name+"`", strings.TrimPrefix(p.Legal(), "one of "), otherwise, p.About)
	}
}
