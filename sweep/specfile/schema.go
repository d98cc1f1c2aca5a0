package specfile

import (
	"bytes"
	_ "embed" // schema.json
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tailsweep/tailsweep/sweep"
)

// schemaJSON is generated from the types of package sweep: see sweep.Spec.
//
//go:embed schema.json
var schemaJSON []byte

// Schema is the JSON Schema (draft 2020-12) of a spec's YAML, for editors. Parse
// checks files against it. What a schema cannot express (sizes that must divide each
// other, a range whose ends must be in order) Parse checks in Go.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// compiled is the schema of a spec that the built-in trainer trains, and compiledProgram that
// of a spec with a trainer.
func compiled() *jsonschema.Schema        { return schemas()[0] }
func compiledProgram() *jsonschema.Schema { return schemas()[1] }

// The definitions of the two in schema.json, which chooses by the field trainer.
const (
	specDefinition    = "Spec"
	programDefinition = "ProgramSpec"
)

// schemas are compiled once.
var schemas = sync.OnceValue(func() [2]*jsonschema.Schema {
	const name = "spec.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic("specfile: schema.json: " + err.Error()) // a test compiles it
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, f := range formats {
		c.RegisterFormat(f)
	}
	if err := c.AddResource(name, document); err != nil {
		panic("specfile: schema.json: " + err.Error())
	}
	return [2]*jsonschema.Schema{c.MustCompile(name + "#/$defs/" + specDefinition), c.MustCompile(name + "#/$defs/" + programDefinition)}
})

// The formats of texts that a parser checks.
const (
	formatCondition  = "condition"
	formatConstraint = "constraint"
)

var formats = []*jsonschema.Format{
	format(formatCondition, sweep.ParseCondition),
	format(formatConstraint, sweep.ParseConstraint),
}

func format[T any](name string, parse func(text string) (T, error)) *jsonschema.Format {
	return &jsonschema.Format{Name: name, Validate: func(v any) error {
		text, ok := v.(string)
		if !ok {
			return nil // the schema's type says so
		}
		_, err := parse(text)
		return err
	}}
}

// inside is the schema of a field of an object or of the items of a list.
func inside(s *jsonschema.Schema, field string) *jsonschema.Schema {
	s = target(s)
	if property := s.Properties[field]; property != nil {
		return target(property)
	}
	if free, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return target(free)
	}
	return target(s.Items2020)
}

func target(s *jsonschema.Schema) *jsonschema.Schema {
	for s != nil && s.Ref != nil {
		s = s.Ref
	}
	return s
}

// names are the fields of an object, in order.
func names(s *jsonschema.Schema) []string { return slices.Sorted(maps.Keys(s.Properties)) }

// words are the values of a closed list.
func words(s *jsonschema.Schema) []string {
	if s.Enum == nil {
		return nil
	}
	list := make([]string, len(s.Enum.Values))
	for i, v := range s.Enum.Values {
		list[i] = fmt.Sprint(v)
	}
	return list
}

// kindOf is the one type that a value may have.
func kindOf(s *jsonschema.Schema) string {
	if s.Types == nil {
		return ""
	}
	return strings.Join(s.Types.ToStrings(), " or ")
}

// legal says what a value may be, in words.
func legal(s *jsonschema.Schema) string {
	if s.Enum != nil {
		return strings.Join(words(s), ", ")
	}
	switch kindOf(s) {
	case "object":
		return "a mapping of " + strings.Join(names(s), ", ")
	case "array":
		return "a list, each " + legal(target(s.Items2020))
	case "number":
		return "a number" + interval(s)
	case "integer":
		return "an integer" + interval(s)
	case "boolean":
		return "true, false"
	}
	if first, _, _ := strings.Cut(s.Description, ". "); first != "" && (s.Pattern != nil || s.MaxLength == nil) {
		return lowerFirst(strings.TrimSuffix(first, "."))
	}
	if s.MinLength == nil || s.MaxLength == nil {
		return "text"
	}
	return fmt.Sprintf("text of %d to %d characters", *s.MinLength, *s.MaxLength)
}

// interval writes the range as " in [0, 1)", or " > 0", or nothing.
func interval(s *jsonschema.Schema) string {
	show := func(r *big.Rat) string {
		f, _ := r.Float64()
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	left, right := "", ""
	switch {
	case s.Minimum != nil:
		left = "[" + show(s.Minimum)
	case s.ExclusiveMinimum != nil:
		left = "(" + show(s.ExclusiveMinimum)
	}
	switch {
	case s.Maximum != nil:
		right = show(s.Maximum) + "]"
	case s.ExclusiveMaximum != nil:
		right = show(s.ExclusiveMaximum) + ")"
	}
	switch {
	case left != "" && right != "":
		return " in " + left + ", " + right
	case s.ExclusiveMinimum != nil:
		return " > " + left[1:]
	case left != "":
		return " >= " + left[1:]
	}
	return ""
}

// lowerFirst writes the first letter in lower case, except in abbreviations (DDIM).
func lowerFirst(text string) string {
	if len(text) > 1 && text[0] >= 'A' && text[0] <= 'Z' && (text[1] < 'A' || text[1] > 'Z') {
		return string(text[0]+'a'-'A') + text[1:]
	}
	return text
}
