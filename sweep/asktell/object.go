package asktell

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
)

// object reads one JSON object field by field. It keeps the first fault, and ignores
// what is read after it. A field that is null counts as absent.
type object struct {
	path   string // of its fields, "" or "space[2]."
	fields map[string]json.RawMessage
	known  []string // the fields that were read, in that order
	fault  error
}

// parse splits line into the fields of an object. It refuses a field that occurs
// twice, of which encoding/json would take the last.
func parse(line []byte, path string) (*object, error) {
	if err := json.Unmarshal(line, new(json.RawMessage)); err != nil {
		return nil, notJSON(line, err)
	}
	d := json.NewDecoder(bytes.NewReader(line)) // returns no errors, since the line is valid
	if token, _ := d.Token(); token != json.Delim('{') {
		field, _, _ := strings.Cut(path, ".")
		return nil, errors.New(strings.TrimPrefix(field+": want a JSON object, got "+shown(line), ": "))
	}
	o := &object{path: path, fields: make(map[string]json.RawMessage)}
	for d.More() {
		key, _ := d.Token()
		name := key.(string)
		if _, twice := o.fields[name]; twice {
			return nil, fmt.Errorf("%s%s: given twice", path, clip(name))
		}
		var value json.RawMessage
		_ = d.Decode(&value)
		o.fields[name] = value
	}
	return o, nil
}

func notJSON(line []byte, err error) error {
	advice := "want one JSON object per line"
	if bytes.Contains(line, []byte("NaN")) || bytes.Contains(line, []byte("Infinity")) {
		advice = "JSON has finite numbers only"
		if bytes.Contains(line, []byte(`"values"`)) || bytes.Contains(line, []byte(`"constraints"`)) {
			advice = "report a trial without finite values with status diverged"
		}
	}
	return fmt.Errorf("not JSON: %w; %s", err, advice)
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
	for _, name := range slices.Sorted(maps.Keys(o.fields)) {
		if !slices.Contains(o.known, name) {
			unknown := fmt.Errorf("%s%s: unknown field (valid: %s)", o.path, clip(name), strings.Join(o.known, ", "))
			if o.fault != nil {
				return fmt.Errorf("%w; %w", unknown, o.fault)
			}
			return unknown
		}
	}
	return o.fault
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

// read returns a field that is a want, the zero value when it is absent.
func read[T any](o *object, name, want string) (v T) {
	if raw := o.raw(name); raw != nil && json.Unmarshal(raw, &v) != nil {
		o.failf(name, "want %s, got %s", want, shown(raw))
	}
	return v
}

func (o *object) text(name string) string { return read[string](o, name, "a string") }

func (o *object) flag(name string) bool { return read[bool](o, name, "true or false") }

func (o *object) list(name string) []json.RawMessage {
	return read[[]json.RawMessage](o, name, "an array")
}

// number returns a finite number; 0 when it is absent.
func (o *object) number(name string) float64 {
	return positiveZero(read[float64](o, name, "a finite number"))
}

// integer returns an integer of low..high; fallback when it is absent.
func (o *object) integer(name string, low, high, fallback int64) int64 {
	f := o.number(name)
	if !o.has(name) {
		return fallback
	}
	if f != math.Trunc(f) || f < float64(low) || f > float64(high) {
		o.failf(name, "want an integer from %d to %d, got %s", low, high, shown(o.raw(name)))
	}
	if o.fault != nil {
		return fallback
	}
	return int64(f)
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

// finite reads a number; ok is false for a value of another type and for 1e999.
func finite(raw json.RawMessage) (f float64, ok bool) {
	ok = string(raw) != "null" && json.Unmarshal(raw, &f) == nil
	return positiveZero(f), ok
}

// positiveZero turns minus zero into 0: they are one value and print differently.
func positiveZero(f float64) float64 {
	if f == 0 {
		return 0
	}
	return f
}

// shown is a value as written, shortened.
func shown(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	return clip(string(bytes.TrimSpace(raw)))
}

// clip shortens what a client sent, for a message.
func clip(s string) string { return text.Clip(s, 63) }
