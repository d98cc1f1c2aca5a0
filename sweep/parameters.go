package sweep

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// parameterFields is a parameter as YAML has it.
type parameterFields struct {
	Distribution Distribution `json:"distribution"`
	Value        *Value       `json:"value"`
	Values       []Value      `json:"values"`
	Min          *float64     `json:"min"`
	Max          *float64     `json:"max"`
	Q            *float64     `json:"q"`
	Zero         float64      `json:"zero"`
	Count        int          `json:"count"`
	When         string       `json:"when"`
}

// maxQuanta bounds the steps of q_uniform and the values of int_uniform.
const maxQuanta = 1_000_000

// parameters resolves the search space, by name. A parameter that has a fault is
// told and left out.
func (c *conformer) parameters(fields map[string]parameterFields) []Parameter {
	var parameters []Parameter
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path := "parameters." + name
		p := Parameter{Name: name}
		c.distribution(path, fields[name], &p)
		c.bounds(path, fields[name], &p)
		if text := fields[name].When; text != "" {
			when, err := ParseCondition(text)
			if err != nil {
				c.fault(path+".when", text, err.Error(), "")
			}
			p.When = &when
		}
		if c.sound(path) {
			parameters = append(parameters, p)
		}
	}
	c.conditions(parameters, slices.Sorted(maps.Keys(fields)))
	return parameters
}

// distribution resolves how a parameter is spread, as W&B does: value means
// constant, values categorical, integer bounds int_uniform, other bounds uniform.
func (c *conformer) distribution(path string, f parameterFields, p *Parameter) {
	p.Distribution = f.Distribution
	if p.Distribution == "" {
		switch {
		case c.given(path + ".distribution"): // and broken
			return
		case c.given(path + ".value"):
			p.Distribution = DistConstant
		case c.given(path + ".values"):
			p.Distribution = DistCategorical
		case c.given(path+".min") && c.given(path+".max"):
			p.Distribution = DistUniform
			if c.nodes[path+".min"].integer && c.nodes[path+".max"].integer {
				p.Distribution = DistIntUniform
			}
			if c.given(path + ".q") {
				p.Distribution = DistQUniform
			}
		default:
			c.fault(path, "", "says no values", "value, values, or min and max")
			return
		}
	}
	uses := map[Distribution][]string{
		DistConstant:    {"value"},
		DistCategorical: {"values"},
		DistUniform:     {"min", "max"},
		DistLogUniform:  {"min", "max"},
		DistIntUniform:  {"min", "max"},
		DistQUniform:    {"min", "max", "q"},
	}[p.Distribution]
	for _, field := range []string{"value", "values", "min", "max", "q"} {
		switch given, used := c.given(path+"."+field), slices.Contains(uses, field); {
		case used && !given:
			c.fault(path, "", fmt.Sprintf("distribution %s needs %s", p.Distribution, field), strings.Join(uses, ", "))
		case given && !used:
			c.fault(path+"."+field, "", fmt.Sprintf("does not go with distribution %s", p.Distribution), strings.Join(uses, ", "))
		}
	}
	for _, field := range []string{"zero", "count"} {
		if c.given(path+"."+field) && (p.Distribution == DistConstant || p.Distribution == DistCategorical) {
			c.fault(path+"."+field, "", fmt.Sprintf("does not go with distribution %s", p.Distribution), strings.Join(uses, ", "))
		}
	}
}

// bounds copies and checks the numbers. The schema has checked each against the
// parameter's own range.
func (c *conformer) bounds(path string, f parameterFields, p *Parameter) {
	p.Value, p.Values, p.Zero, p.Count = f.Value, f.Values, f.Zero, f.Count
	if f.Min == nil || f.Max == nil || !c.sound(path) {
		return
	}
	p.Min, p.Max = *f.Min, *f.Max
	info, _ := LookupParameter(p.Name)
	shown := func(field string) string { return c.nodes[path+"."+field].shown() }
	if p.Min >= p.Max {
		c.fault(path+".max", shown("max"), "is not above min", "more than "+shown("min")+", or value for a constant")
		return
	}
	whole := p.Min == math.Trunc(p.Min) && p.Max == math.Trunc(p.Max)
	switch {
	case info.Integer && p.Distribution != DistIntUniform && p.Distribution != DistQUniform:
		c.fault(path, string(p.Distribution), p.Name+" takes integers", "int_uniform, q_uniform with integers, or values")
	case p.Distribution == DistIntUniform && !whole:
		c.fault(path+".min", shown("min")+" to "+shown("max"), "int_uniform takes integers", "integer min and max")
	case p.Distribution == DistIntUniform && p.Max-p.Min > maxQuanta:
		c.fault(path+".max", shown("max"), "too many values", fmt.Sprintf("at most %d", maxQuanta))
	case p.Distribution == DistLogUniform && p.Min <= 0:
		c.fault(path+".min", shown("min"), "log_uniform_values needs min > 0", "more than 0, with zero: P for an exact 0")
	}
	if p.Distribution == DistQUniform && f.Q != nil {
		p.Q = *f.Q
		switch {
		case p.Q > p.Max-p.Min:
			c.fault(path+".q", shown("q"), "is larger than the range", "at most max - min")
		case (p.Max-p.Min)/p.Q > maxQuanta:
			c.fault(path+".q", shown("q"), "too many steps", fmt.Sprintf("at most %d", maxQuanta))
		case info.Integer && (!whole || p.Q != math.Trunc(p.Q)):
			c.fault(path+".q", shown("q"), p.Name+" takes integers", "integer min, max and q")
		}
	}
	if p.Zero > 0 {
		switch {
		case p.Min <= 0:
			c.fault(path+".zero", shown("zero"), "zero needs min > 0: the range has a zero already", "min > 0, or no zero")
		case !info.Accepts(Number(0)):
			c.fault(path+".zero", shown("zero"), p.Name+" cannot be 0", info.Legal())
		}
	}
}

// conditions checks what `when` refers to; names are all parameters of the file,
// broken ones too.
func (c *conformer) conditions(parameters []Parameter, names []string) {
	named := make(map[string]Parameter)
	for _, p := range parameters {
		named[p.Name] = p
	}
	for _, p := range parameters {
		if p.When == nil {
			continue
		}
		path := "parameters." + p.Name + ".when"
		info, legal := LookupParameter(p.When.Param)
		switch _, searched := named[p.When.Param]; {
		case !legal || !c.given("parameters."+p.When.Param):
			c.fault(path, p.When.String(), fmt.Sprintf("%s is not in parameters", p.When.Param), strings.Join(names, ", "))
		case !searched: // its own fault is told
		case info.Choices == nil && p.When.Value.IsWord(), info.Choices != nil && !info.Accepts(p.When.Value):
			c.fault(path, p.When.String(), fmt.Sprintf("%s is never %s", p.When.Param, p.When.Value), info.Legal())
		}
	}
	// Whatever Ordered cannot place waits on itself, perhaps through others.
	done := make(map[string]bool)
	for _, p := range (&Spec{Parameters: parameters}).Ordered() {
		done[p.Name] = true
	}
	for _, p := range parameters {
		circle := make(map[string]bool)
		at := p
		for !done[at.Name] && !circle[at.Name] && at.When != nil {
			circle[at.Name] = true
			at = named[at.When.Param]
		}
		if at.Name == p.Name && circle[p.Name] {
			c.fault("parameters."+p.Name+".when", p.When.String(), "conditions go in a circle", "conditions on parameters that do not depend on this one")
			maps.Copy(done, circle)
		}
	}
}
