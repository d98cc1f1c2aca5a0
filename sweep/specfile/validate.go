package specfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/tailsweep/tailsweep/sweep"
)

// validate checks the document against the schema and returns what is valid of it as
// JSON. Broken values are left out, so that the rest of the file can be checked too.
func (d *document) validate() json.RawMessage {
	var invalid *jsonschema.ValidationError
	if err := d.schema().Validate(d.root); errors.As(err, &invalid) {
		d.explain(invalid)
	}
	valid, err := json.Marshal(d.prune("", d.root))
	if err != nil {
		panic("specfile: " + err.Error()) // the tree has only what JSON can express
	}
	return valid
}

// explain turns the schema's errors into faults.
func (d *document) explain(e *jsonschema.ValidationError) {
	if _, any := e.ErrorKind.(*kind.AnyOf); len(e.Causes) > 0 && !any {
		for _, cause := range e.Causes {
			d.explain(cause)
		}
		return
	}
	p, s, v := path(""), target(d.schema()), d.root
	for _, step := range e.InstanceLocation {
		s = inside(s, step)
		switch within := v.(type) {
		case map[string]any:
			p, v = p.field(step), within[step]
		case []any:
			i, _ := strconv.Atoi(step) // the library writes an index
			p, v = p.item(i), within[i]
		}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			d.unknownField(p, name, s)
		}
		return
	case *kind.Required:
		for _, name := range k.Missing {
			if missing := p.field(name); !d.broken[missing] {
				d.faultAt(d.place(p), missing, "", "is missing", legal(inside(s, name)))
			}
		}
		return
	case *kind.UniqueItems:
		p = p.item(k.Duplicates[1])
	}
	if d.broken[p] { // its fault is known already
		return
	}
	w := d.values[p]
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		d.wrongType(p, w, s)
	case *kind.Enum:
		d.unknownWord(p, w, s)
	case *kind.AnyOf:
		d.unknownMetric(p, w.shown(), w.text)
	case *kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum:
		d.fault(p, w.shown(), "out of range", legal(s))
	case *kind.MinLength:
		d.fault(p, w.shown(), fmt.Sprintf("has %d characters", k.Got), legal(s))
	case *kind.MaxLength:
		d.fault(p, w.shown(), fmt.Sprintf("has %d characters", k.Got), legal(s))
	case *kind.Pattern:
		d.fault(p, w.shown(), "not well formed", legal(s))
	case *kind.Format:
		d.fault(p, w.shown(), k.Err.Error(), "")
	case *kind.MinItems:
		d.fault(p, "", fmt.Sprintf("has %d entries", k.Got), fmt.Sprintf("%d to %d", *s.MinItems, *s.MaxItems))
	case *kind.MaxItems:
		d.fault(p, "", fmt.Sprintf("has %d entries", k.Got), fmt.Sprintf("at most %d", k.Want))
	case *kind.UniqueItems:
		d.fault(p, w.shown(), "listed twice", "each value once")
	case *kind.MinProperties:
		d.fault(p, "", "has no entries", legal(s))
	case *kind.MaxProperties:
		d.fault(p, "", fmt.Sprintf("has %d entries", k.Got), fmt.Sprintf("at most %d", k.Want))
	default:
		d.fault(p, w.shown(), e.Error(), legal(s))
	}
}

func (d *document) wrongType(p path, w written, s *jsonschema.Schema) {
	if s.Enum != nil && (w.scalar || w.text == "nothing") {
		d.unknownWord(p, w, s)
		return
	}
	wanted := kindOf(s)
	message := map[string]string{"object": "not a mapping", "array": "not a list", "number": "not a number", "integer": "not an integer", "string": "not text", "boolean": "not true or false"}[wanted]
	message = cmp.Or(message, "not "+legal(s))
	_, number := sweep.ParseNumber(w.text)
	if w.quoted && (number || wanted == "boolean" && isBool(w.text)) {
		message += ": it is in quotes"
	}
	if wanted == "string" && w.scalar {
		message += ": it needs quotes"
	}
	d.fault(p, w.shown(), message, legal(s))
}

// unknownWord reports a value that is not in its closed list.
func (d *document) unknownWord(p path, w written, s *jsonschema.Schema) {
	list := words(s)
	near := nearest(w.text, list)
	if slices.Contains(list, string(sweep.DistLogUniform)) && nearest(w.text, append(list, "log_uniform")) == "log_uniform" {
		near = string(sweep.DistLogUniform) // the word without its ending
	}
	message := "unknown value"
	switch {
	case w.text == "log_uniform" && strings.HasSuffix(string(p), ".distribution"):
		message = "takes exponents in W&B, which is not supported: use log_uniform_values and the bounds themselves"
	case reservedWord(p, w.text):
		message = "not supported by this version"
	case near != "" && w.scalar:
		message = fmt.Sprintf("unknown value, did you mean %q?", near)
	}
	d.fault(p, w.shown(), message, legal(s))
}

// unknownField reports a field of the mapping at p that the schema does not have.
func (d *document) unknownField(p path, name string, s *jsonschema.Schema) {
	message, valid := "unknown field", strings.Join(names(s), ", ")
	switch near := nearest(name, names(s)); {
	case d.trained() && slices.Contains(names(schemaAt(compiled(), p)), name):
		message = "does not apply to a spec with a trainer"
	case reservedField(p.field(name)):
		message, valid = "not supported by this version", ""
	case near != "":
		message = fmt.Sprintf("unknown field, did you mean %q?", near)
	}
	d.faultAt(d.keys[p.field(name)], p.field(name), "", message, valid)
}

// unknownMetric reports a name that is not in the list of metrics.
func (d *document) unknownMetric(p path, shown, name string) {
	var all []string
	for _, m := range sweep.MetricList() {
		all = append(all, m.Name)
	}
	message := "unknown metric"
	if near := nearest(name, all); near != "" {
		message = fmt.Sprintf("unknown metric, did you mean %q?", near)
	}
	valid := sweep.MetricWords()
	if d.trained() {
		valid = "a name that the program reports: " + freeNames
	}
	d.fault(p, shown, message, valid)
}

// schemaAt is the schema of the field at p.
func schemaAt(s *jsonschema.Schema, p path) *jsonschema.Schema {
	s = target(s)
	for _, name := range strings.FieldsFunc(string(p), func(r rune) bool { return r == '.' || r == '[' }) {
		if s = inside(s, name); s == nil {
			return &jsonschema.Schema{}
		}
	}
	return s
}

// prune returns the value at p without what is broken in it.
func (d *document) prune(p path, value any) any {
	switch value := value.(type) {
	case map[string]any:
		fields := make(map[string]any, len(value))
		for name, v := range value {
			if field := p.field(name); !d.broken[field] {
				fields[name] = d.prune(field, v)
			}
		}
		return fields
	case []any:
		items := make([]any, len(value)) // nil where broken: the others keep their indices
		for i, v := range value {
			if item := p.item(i); !d.broken[item] {
				items[i] = d.prune(item, v)
			}
		}
		return items
	case bool:
		if d.freeValue(p) {
			return strconv.FormatBool(value)
		}
	}
	return value
}

// freeValue reports whether the value at p is one of a parameter of a program, where true and
// false are words.
func (d *document) freeValue(p path) bool {
	return d.trained() && slices.ContainsFunc([]string{"parameters.", "baseline.params.", "points["}, func(in string) bool { return strings.HasPrefix(string(p), in) })
}
