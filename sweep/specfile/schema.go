package specfile

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/sweep"
)

// schemaJSON is generated from the types of this package: see Spec.
//
//go:embed schema.json
var schemaJSON []byte

// Schema is the JSON Schema (draft 2020-12) of a spec's YAML, for editors. Parse
// checks files against it; what it cannot say (sizes that must divide each other,
// ranges that need both ends) Parse checks besides.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// schema is the part of JSON Schema that schema.json uses.
type schema struct {
	Ref              string             `json:"$ref"`
	Defs             map[string]*schema `json:"$defs"`
	Description      string             `json:"description"`
	Type             string             `json:"type"` // object | array | string | number | integer | boolean
	Enum             []sweep.Value      `json:"enum"`
	Minimum          *float64           `json:"minimum"`
	Maximum          *float64           `json:"maximum"`
	ExclusiveMinimum *float64           `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64           `json:"exclusiveMaximum"`
	MinLength        int                `json:"minLength"`
	MaxLength        int                `json:"maxLength"`
	Pattern          string             `json:"pattern"`
	Items            *schema            `json:"items"`
	MinItems         int                `json:"minItems"`
	MaxItems         int                `json:"maxItems"`
	UniqueItems      bool               `json:"uniqueItems"`
	Properties       map[string]*schema `json:"properties"`
	MinProperties    int                `json:"minProperties"`
	Required         []string           `json:"required"`
	AnyOf            []*schema          `json:"anyOf"` // of a text: words, and a pattern for others
}

// specSchema is schemaJSON, decoded once, with every $ref replaced by its target.
var specSchema = sync.OnceValue(func() *schema {
	var root schema
	if err := json.Unmarshal(schemaJSON, &root); err != nil {
		panic("sweep: schema.json: " + err.Error()) // a build that a test refuses
	}
	return root.resolved(root.Defs)
})

func (s *schema) resolved(defs map[string]*schema) *schema {
	if s == nil {
		return nil
	}
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		target := *defs[name]
		if s.Description != "" {
			target.Description = s.Description
		}
		return target.resolved(defs)
	}
	out := *s
	for _, one := range s.AnyOf {
		out.Enum, out.Pattern = append(out.Enum, one.Enum...), one.Pattern
	}
	out.Items = s.Items.resolved(defs)
	out.Properties = maps.Clone(s.Properties)
	for name, p := range out.Properties {
		out.Properties[name] = p.resolved(defs)
	}
	return &out
}

// names are the fields of an object, in order.
func (s *schema) names() []string { return slices.Sorted(maps.Keys(s.Properties)) }

// within reports whether a number is in the schema's range.
func (s *schema) within(f float64) bool {
	return (s.Minimum == nil || f >= *s.Minimum) && (s.Maximum == nil || f <= *s.Maximum) &&
		(s.ExclusiveMinimum == nil || f > *s.ExclusiveMinimum) && (s.ExclusiveMaximum == nil || f < *s.ExclusiveMaximum)
}

// legal says what a value may be, in words.
func (s *schema) legal() string {
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = v.String()
		}
		return strings.Join(words, ", ")
	}
	switch s.Type {
	case "object":
		return "a mapping of " + strings.Join(s.names(), ", ")
	case "array":
		return "a list, each " + s.Items.legal()
	case "number":
		return "a number" + s.interval()
	case "integer":
		return "an integer" + s.interval()
	case "boolean":
		return "true, false"
	}
	if s.Description != "" && (s.Pattern != "" || s.MaxLength == 0) {
		return lowerFirst(strings.TrimSuffix(s.Description, "."))
	}
	return fmt.Sprintf("text of %d to %d characters", s.MinLength, s.MaxLength)
}

// interval writes the range as " in [0, 1)", or " > 0", or nothing.
func (s *schema) interval() string {
	show := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	left, right := "", ""
	switch {
	case s.Minimum != nil:
		left = "[" + show(*s.Minimum)
	case s.ExclusiveMinimum != nil:
		left = "(" + show(*s.ExclusiveMinimum)
	}
	switch {
	case s.Maximum != nil:
		right = show(*s.Maximum) + "]"
	case s.ExclusiveMaximum != nil:
		right = show(*s.ExclusiveMaximum) + ")"
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

// lowerFirst makes a sentence a phrase, but leaves abbreviations (DDIM) alone.
func lowerFirst(text string) string {
	if len(text) > 1 && text[0] >= 'A' && text[0] <= 'Z' && (text[1] < 'A' || text[1] > 'Z') {
		return string(text[0]+'a'-'A') + text[1:]
	}
	return text
}
