package asktell

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Limits of a space.
const (
	maxParameters = 200
	maxChoices    = 1000
	maxInteger    = 1e12 // of type int; steps are kept to 12 digits
)

// leastStep is the smallest step relative to the greater end of a range: values are kept
// to 12 digits.
const leastStep = 1e-11

// The types of a parameter.
const (
	typeFloat   = "float"
	typeInt     = "int"
	typeCat     = "cat"
	typeOrdinal = "ordinal"
	typeConst   = "const"
)

// fieldsOf lists the fields that a type takes, beside name, type and when.
var fieldsOf = map[string][]string{
	typeFloat:   {"low", "high", "log", "step", "zero", "mu", "sigma", "count"},
	typeInt:     {"low", "high", "log", "step", "zero", "count"},
	typeCat:     {"choices"},
	typeOrdinal: {"choices"},
	typeConst:   {"value"},
}

// readSpace reads the parameters, in the order given.
func readSpace(list []json.RawMessage) ([]sweep.Parameter, error) {
	if len(list) == 0 || len(list) > maxParameters {
		return nil, fmt.Errorf("space: want 1 to %d parameters, got %d", maxParameters, len(list))
	}
	parameters := make([]sweep.Parameter, len(list))
	for i, text := range list {
		o, err := parse(text, fmt.Sprintf("space[%d].", i))
		if err != nil {
			return nil, err
		}
		parameters[i] = parameter(o)
		if err := o.done(); err != nil {
			return nil, err
		}
	}
	return parameters, related(parameters)
}

// parameter reads one parameter.
func parameter(o *object) sweep.Parameter {
	p := sweep.Parameter{Name: o.text("name")}
	if p.Name == "" {
		o.failf("name", "want a name")
	}
	kind := o.text("type")
	fields, ok := fieldsOf[kind]
	if !ok {
		o.failf("type", "unknown type %q (valid: float, int, cat, ordinal, const)", clip(kind))
	}
	for _, name := range []string{"low", "high", "log", "step", "q", "zero", "mu", "sigma", "choices", "value", "count"} {
		value := o.raw(name)
		neutral := name == "log" && string(value) == "false" || name == "zero" && string(value) == "0"
		if value != nil && !neutral && !slices.Contains(fields, name) && (name != "q" || !slices.Contains(fields, "step")) {
			o.failf(name, "does not go with type %s (valid: %s)", kind, strings.Join(fields, ", "))
		}
	}
	switch kind {
	case typeFloat, typeInt:
		interval(o, kind == typeInt, &p)
	case typeCat:
		p.Distribution = sweep.DistCategorical
		p.Values = choices(o)
	case typeOrdinal:
		p.Distribution = sweep.DistOrdinal
		p.Values = choices(o)
	case typeConst:
		p.Distribution = sweep.DistConstant
		v, ok := value(o.raw("value"))
		if !ok {
			o.failf("value", "want a number or a string that is not empty, got %s", shown(o.raw("value")))
		}
		p.Value = &v
	}
	if text := o.text("when"); text != "" {
		when, err := sweep.ParseCondition(text)
		if err != nil {
			o.failf("when", "%q: %v", clip(text), err)
		}
		p.When = &when
	}
	return p
}

// interval reads a range of numbers.
func interval(o *object, integer bool, p *sweep.Parameter) {
	for _, name := range []string{"low", "high"} {
		if !o.has(name) {
			o.failf(name, "is missing: a number")
		}
	}
	p.Min, p.Max = o.number("low", 0), o.number("high", 0)
	p.Zero = o.number("zero", 0)
	p.Count = int(o.integer("count", 2, 1000, 0))
	log := o.flag("log")
	step := "step"
	if o.has("q") {
		step = "q"
		if o.has("step") {
			o.failf("q", "is another name of step: give one")
		}
	}
	p.Q = o.number(step, 0)
	switch {
	case p.Min >= p.Max:
		o.failf("low", "%v is not below high, %v (a fixed value has type const)", p.Min, p.Max)
	case math.IsInf(p.Max-p.Min, 0):
		o.failf("high", "%v is too far from low, %v", p.Max, p.Min)
	case integer && (!whole(p.Min) || !whole(p.Max)):
		o.failf("low", "%v to %v: type int takes integers up to 1e12", p.Min, p.Max)
	case log && p.Min <= 0:
		o.failf("low", "%v: log needs low above 0 (for an exact 0 as well: zero, its probability)", p.Min)
	case p.Zero < 0 || p.Zero >= 1:
		o.failf("zero", "%v is not a probability in [0, 1)", p.Zero)
	case p.Zero > 0 && p.Min <= 0:
		o.failf("zero", "needs low above 0, and low is %v: the range includes 0 already", p.Min)
	case o.has(step) && (p.Q <= 0 || p.Q > p.Max-p.Min):
		o.failf(step, "%v is not above 0 and at most high - low = %v", p.Q, p.Max-p.Min)
	case integer && !whole(p.Q):
		o.failf(step, "%v: type int takes integers", p.Q)
	case p.Q > 0 && p.Q < leastStep*math.Max(math.Abs(p.Min), math.Abs(p.Max)):
		o.failf(step, "%v is too small relative to low and high", p.Q)
	case log && p.Q >= 2*p.Min:
		o.failf(step, "%v: with log it has to be below twice low, %v", p.Q, p.Min)
	}
	switch {
	case o.has("mu") || o.has("sigma"):
		normal(o, log, step, p)
	case log && (p.Q > 0 || integer):
		p.Distribution, p.Q = sweep.DistQLogUniform, cmp.Or(p.Q, 1)
	case log:
		p.Distribution = sweep.DistLogUniform
	case p.Q > 0:
		p.Distribution = sweep.DistQUniform
	case integer:
		p.Distribution = sweep.DistIntUniform
	default:
		p.Distribution = sweep.DistUniform
	}
	quantum := p.Q
	if integer {
		quantum = cmp.Or(p.Q, 1)
	}
	if quantum > 0 && (p.Max-p.Min)/quantum > space.MaxSteps {
		o.failf("high", "%v is more than %d values from low, %v (type float without step has no such limit)", p.Max, space.MaxSteps, p.Min)
	}
}

// normal makes p normal or log-normal, cut off at its range.
func normal(o *object, log bool, step string, p *sweep.Parameter) {
	p.Distribution = sweep.DistNormal
	if log {
		p.Distribution = sweep.DistLogNormal
	}
	p.Mu, p.Sigma = o.number("mu", 0), o.number("sigma", 0)
	switch {
	case !o.has("mu"):
		o.failf("mu", "is missing: sigma goes with it")
	case !o.has("sigma"):
		o.failf("sigma", "is missing: mu goes with it")
	case p.Sigma <= 0:
		o.failf("sigma", "%v is not above 0", p.Sigma)
	case o.has(step):
		o.failf(step, "does not go with mu and sigma")
	case o.fault == nil && space.Mass(*p) < space.LeastMass:
		o.failf("mu", "%v with sigma %v leaves less than %v of the distribution between low, %v, and high, %v", p.Mu, p.Sigma, space.LeastMass, p.Min, p.Max)
	}
}

func whole(f float64) bool { return f == math.Trunc(f) && math.Abs(f) <= maxInteger }

// choices reads a list of numbers and words that differ.
func choices(o *object) []sweep.Value {
	list := o.list("choices")
	if len(list) == 0 || len(list) > maxChoices {
		o.failf("choices", "want 1 to %d numbers or strings, got %d", maxChoices, len(list))
	}
	var values []sweep.Value
	seen := make(map[sweep.Value]bool)
	for i, text := range list {
		v, ok := value(text)
		field := fmt.Sprintf("choices[%d]", i)
		switch {
		case !ok:
			o.failf(field, "want a number or a string that is not empty, got %s", shown(text))
		case seen[v]:
			o.failf(field, "%s occurs twice", shown(text))
		}
		seen[v] = true
		values = append(values, v)
	}
	return values
}

// value reads a number or a word.
func value(text json.RawMessage) (sweep.Value, bool) {
	if f, ok := finite(text); ok {
		return sweep.Number(f), true
	}
	var word string
	if json.Unmarshal(text, &word) != nil || word == "" {
		return sweep.Value{}, false
	}
	return sweep.Word(word), true
}

// related checks names and conditions, which concern several parameters.
func related(parameters []sweep.Parameter) error {
	named := make(map[string]sweep.Parameter)
	var names []string
	for i, p := range parameters {
		if _, twice := named[p.Name]; twice {
			return fmt.Errorf("space[%d].name: %q occurs twice", i, p.Name)
		}
		named[p.Name] = p
		names = append(names, p.Name)
	}
	for i, p := range parameters {
		if p.When == nil {
			continue
		}
		on, ok := named[p.When.Param]
		switch {
		case !ok:
			return fmt.Errorf("space[%d].when: %q names no parameter (valid: %s)", i, p.When, clip(strings.Join(names, ", ")))
		case on.Values != nil && !slices.Contains(on.Values, p.When.Value),
			on.Value == nil && on.Values == nil && p.When.Value.IsWord():
			return fmt.Errorf("space[%d].when: %q: %s is never %s", i, p.When, p.When.Param, p.When.Value)
		}
	}
	if len(space.Ordered((&sweep.Spec{Parameters: parameters}))) < len(parameters) {
		return fmt.Errorf("space: the conditions of `when` go in a circle")
	}
	return nil
}
