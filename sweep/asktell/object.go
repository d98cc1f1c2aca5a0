package asktell

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// object reads one JSON object field by field. It keeps the first fault, and ignores
// what is read after it. A field that is null counts as absent.
type object struct {
	path   string // of its fields, "" or "space[2]."
	fields map[string]json.RawMessage
	known  []string // the fields that were read, in that order
	fault  error
}

// parse splits text into the fields of an object. It refuses a field that occurs
// twice, of which encoding/json would take the last.
func parse(text []byte, path string) (*object, error) {
	o := &object{path: path, fields: make(map[string]json.RawMessage)}
	d := json.NewDecoder(bytes.NewReader(text))
	token, err := d.Token()
	switch {
	case err != nil:
		return nil, notJSON(text, err)
	case token != json.Delim('{'):
		return nil, fmt.Errorf("%swant a JSON object, got %s", prefix(path), shown(text))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, notJSON(text, err)
		}
		name, _ := key.(string) // the decoder accepts only strings as keys
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, notJSON(text, err)
		}
		if _, twice := o.fields[name]; twice {
			return nil, fmt.Errorf("%s%s: given twice", path, clip(name))
		}
		o.fields[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(text, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("want one JSON object per line, but there is text after it")
	}
	return o, nil
}

func notJSON(text []byte, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("not JSON: the line ends early")
	case bytes.Contains(text, []byte("NaN")), bytes.Contains(text, []byte("Infinity")):
		advice := "JSON has finite numbers only"
		if bytes.Contains(text, []byte(`"values"`)) || bytes.Contains(text, []byte(`"constraints"`)) {
			advice = "report a trial without finite values with status diverged"
		}
		return fmt.Errorf("not JSON: %w; %s", err, advice)
	}
	return fmt.Errorf("not JSON: %w", err)
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return strings.TrimSuffix(path, ".") + ": "
}

// failf records a fault, unless there is one already.
func (o *object) failf(field, format string, args ...any) {
	if o.fault == nil {
		o.fault = fmt.Errorf("%s%s: %s", o.path, field, fmt.Sprintf(format, args...))
	}
}

// done returns the first fault, preceded by the name of a field that nothing has read:
// it may be a misspelt name of a missing one. Call it after all fields of the object
// were read.
func (o *object) done() error {
	var unknown []string
	for name := range o.fields {
		if !slices.Contains(o.known, name) {
			unknown = append(unknown, clip(name))
		}
	}
	if len(unknown) == 0 {
		return o.fault
	}
	slices.Sort(unknown)
	text := fmt.Sprintf("%s%s: unknown field (valid: %s)", o.path, unknown[0], strings.Join(o.known, ", "))
	if o.fault != nil {
		return fmt.Errorf("%s; %w", text, o.fault)
	}
	return errors.New(text)
}

// raw returns a field as written, nil when it is absent.
func (o *object) raw(name string) json.RawMessage {
	if !slices.Contains(o.known, name) {
		o.known = append(o.known, name)
	}
	if value := o.fields[name]; string(value) != "null" {
		return value
	}
	return nil
}

func (o *object) has(name string) bool { return o.raw(name) != nil }

// text returns a string; "" when it is absent.
func (o *object) text(name string) string {
	value := o.raw(name)
	if value == nil {
		return ""
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		o.failf(name, "want a string, got %s", shown(value))
	}
	return text
}

// flag returns a truth value; false when it is absent.
func (o *object) flag(name string) bool {
	switch value := o.raw(name); string(value) {
	case "", "false":
		return false
	case "true":
		return true
	default:
		o.failf(name, "want true or false, got %s", shown(value))
		return false
	}
}

// number returns a finite number; fallback when it is absent.
func (o *object) number(name string, fallback float64) float64 {
	value := o.raw(name)
	if value == nil {
		return fallback
	}
	f, ok := finite(value)
	if !ok {
		o.failf(name, "want a finite number, got %s", shown(value))
	}
	return f
}

// integer returns an integer of low..high; fallback when it is absent.
func (o *object) integer(name string, low, high, fallback int64) int64 {
	f := o.number(name, float64(fallback))
	if o.fault == nil && o.has(name) && (f != math.Trunc(f) || f < float64(low) || f > float64(high)) {
		o.failf(name, "want an integer from %d to %d, got %s", low, high, shown(o.raw(name)))
	}
	if o.fault != nil {
		return fallback
	}
	return int64(f)
}

// list returns an array's elements; nil when it is absent.
func (o *object) list(name string) []json.RawMessage {
	value := o.raw(name)
	if value == nil {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		o.failf(name, "want an array, got %s", shown(value))
	}
	return list
}

// numbers returns an array of finite numbers.
func (o *object) numbers(name string) []float64 {
	list := o.list(name)
	numbers := make([]float64, len(list))
	for i, element := range list {
		var ok bool
		if numbers[i], ok = finite(element); !ok {
			o.failf(fmt.Sprintf("%s[%d]", name, i), "want a finite number, got %s", shown(element))
		}
	}
	return numbers
}

// finite reads a number. Minus zero becomes 0: they are one value and print
// differently.
func finite(text json.RawMessage) (float64, bool) {
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return 0, false
	}
	var f float64
	if json.Unmarshal(text, &f) != nil { // 1e999
		return 0, false
	}
	if f == 0 {
		return 0, true
	}
	return f, true
}

// shown is a value as written, cut short.
func shown(text []byte) string {
	if len(text) == 0 {
		return "nothing"
	}
	return clip(string(bytes.TrimSpace(text)))
}

func clip(text string) string {
	const most = 60
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
