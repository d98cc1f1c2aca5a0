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

// kind is a type of parameters: the fields that it takes, in addition to name, type and
// when, and the function that reads them.
type kind struct {
	name   string
	fields []string
	read   func(*object, *sweep.Parameter)
}

// kinds has a row for each type.
var kinds = []kind{
	{"float", []string{"low", "high", "log", "step", "q", "zero", "mu", "sigma", "count"}, func(o *object, p *sweep.Parameter) { interval(o, false, p) }},
	{"int", []string{"low", "high", "log", "step", "q", "zero", "count"}, func(o *object, p *sweep.Parameter) { interval(o, true, p) }},
	{"cat", []string{"choices"}, func(o *object, p *sweep.Parameter) { choices(o, sweep.DistCategorical, p) }},
	{"ordinal", []string{"choices"}, func(o *object, p *sweep.Parameter) { choices(o, sweep.DistOrdinal, p) }},
	{"const", []string{"value"}, constant},
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
	name := o.text("type")
	var of kind
	var names, fields []string
	for _, k := range kinds {
		names = append(names, k.name)
		for _, field := range k.fields {
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
		if k.name == name {
			of = k
		}
	}
	if of.read == nil {
		o.failf("type", "unknown type %q (valid: %s)", clip(name), strings.Join(names, ", "))
	}
	for _, field := range fields {
		value := string(o.raw(field))
		neutral := field == "log" && value == "false" || field == "zero" && value == "0"
		if value != "" && !neutral && !slices.Contains(of.fields, field) {
			o.failf(field, "does not go with type %s (valid: %s)", name, strings.Join(of.fields, ", "))
		}
	}
	if of.read != nil {
		of.read(o, &p)
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
	p.Min, p.Max = o.number("low"), o.number("high")
	p.Zero = o.number("zero")
	p.Count = int(o.integer("count", 2, 1000, 0))
	log := o.flag("log")
	step := "step"
	if o.has("q") {
		step = "q"
		if o.has("step") {
			o.failf("q", "is another name of step: give one")
		}
	}
	p.Q = o.number(step)
	switch {
	case p.Min >= p.Max:
		o.failf("low", "%v is not below high, %v (a fixed value has type const)", p.Min, p.Max)
	case math.IsInf(p.Max-p.Min, 0):
		o.failf("high", "%v is too far from low, %v", p.Max, p.Min)
	case integer && (!isInteger(p.Min) || !isInteger(p.Max)):
		o.failf("low", "%v to %v: type int takes integers up to 1e12", p.Min, p.Max)
	case log && p.Min <= 0:
		o.failf("low", "%v: log needs low above 0 (for an exact 0 as well: zero, its probability)", p.Min)
	case p.Zero < 0 || p.Zero >= 1:
		o.failf("zero", "%v is not a probability in [0, 1)", p.Zero)
	case p.Zero > 0 && p.Min <= 0:
		o.failf("zero", "needs low above 0, and low is %v: the range includes 0 already", p.Min)
	case o.has(step) && (p.Q <= 0 || p.Q > p.Max-p.Min):
		o.failf(step, "%v is not above 0 and at most high - low = %v", p.Q, p.Max-p.Min)
	case integer && !isInteger(p.Q):
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
	p.Mu, p.Sigma = o.number("mu"), o.number("sigma")
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

func isInteger(f float64) bool { return f == math.Trunc(f) && math.Abs(f) <= maxInteger }

// choices reads a list of numbers and words that differ.
func choices(o *object, d sweep.Distribution, p *sweep.Parameter) {
	p.Distribution = d
	list := o.list("choices")
	if len(list) == 0 || len(list) > maxChoices {
		o.failf("choices", "want 1 to %d numbers or strings, got %d", maxChoices, len(list))
	}
	for i, raw := range list {
		v := value(o, fmt.Sprintf("choices[%d]", i), raw)
		if slices.Contains(p.Values, v) {
			o.failf(fmt.Sprintf("choices[%d]", i), "%s occurs twice", shown(raw))
		}
		p.Values = append(p.Values, v)
	}
}

// constant reads the one value of a parameter.
func constant(o *object, p *sweep.Parameter) {
	v := value(o, "value", o.raw("value"))
	p.Distribution, p.Value = sweep.DistConstant, &v
}

// value reads a number or a word.
func value(o *object, field string, raw json.RawMessage) (v sweep.Value) {
	if string(raw) == "null" || json.Unmarshal(raw, &v) != nil {
		o.failf(field, "want a number or a string that is not empty, got %s", shown(raw))
	}
	if !v.IsWord() {
		v = sweep.Number(positiveZero(v.Float()))
	}
	return v
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
