package specfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// parameterFields is a parameter as YAML has it.
type parameterFields struct {
	Distribution sweep.Distribution `json:"distribution"`
	Value        *sweep.Value       `json:"value"`
	Values       []sweep.Value      `json:"values"`
	Min          *float64           `json:"min"`
	Max          *float64           `json:"max"`
	Q            *float64           `json:"q"`
	Mu           *float64           `json:"mu"`
	Sigma        *float64           `json:"sigma"`
	Zero         float64            `json:"zero"`
	Count        int                `json:"count"`
	When         string             `json:"when"`
}

// parameters resolves the search space, by name. A parameter that has a fault is
// told and left out.
func (c *conformer) parameters(fields map[string]parameterFields) []sweep.Parameter {
	var parameters []sweep.Parameter
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path := "parameters." + name
		p := sweep.Parameter{Name: name}
		c.distribution(path, fields[name], &p)
		c.bounds(path, fields[name], &p)
		if text := fields[name].When; text != "" {
			when, err := sweep.ParseCondition(text)
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

// distribution resolves how a parameter is spread: value means constant, values
// categorical, min and max with q q_uniform. min and max alone mean int_uniform for an
// integer parameter (batch) and uniform for any other, however the bounds are written:
// 0 and 0.0 are the same number. The other distributions have to be named.
func (c *conformer) distribution(path string, f parameterFields, p *sweep.Parameter) {
	p.Distribution = f.Distribution
	if p.Distribution == "" {
		switch {
		case c.given(path + ".distribution"): // and broken
			return
		case c.given(path + ".value"):
			p.Distribution = sweep.DistConstant
		case c.given(path + ".values"):
			p.Distribution = sweep.DistCategorical
		case c.given(path+".min") && c.given(path+".max"):
			p.Distribution = sweep.DistUniform
			if info, _ := sweep.LookupParameter(p.Name); info.Integer {
				p.Distribution = sweep.DistIntUniform
			}
			if c.given(path + ".q") {
				p.Distribution = sweep.DistQUniform
			}
		default:
			c.fault(path, "", "says no values", "value, values, min and max, or a distribution")
			return
		}
	}
	words := distributionFields[p.Distribution]
	all := strings.Join(slices.Concat(words.needs, words.takes), ", ")
	for _, field := range words.needs {
		if !c.given(path + "." + field) {
			c.fault(path, "", fmt.Sprintf("distribution %s needs %s", p.Distribution, field), all)
		}
	}
	for _, field := range []string{"value", "values", "min", "max", "q", "mu", "sigma", "zero", "count"} {
		if c.given(path+"."+field) && !slices.Contains(words.needs, field) && !slices.Contains(words.takes, field) {
			c.fault(path+"."+field, "", fmt.Sprintf("does not go with distribution %s", p.Distribution), all)
		}
	}
}

// distributionFields are the fields that a distribution needs, and those that it
// takes besides.
var distributionFields = map[sweep.Distribution]struct{ needs, takes []string }{
	sweep.DistConstant:    {[]string{"value"}, nil},
	sweep.DistCategorical: {[]string{"values"}, nil},
	sweep.DistOrdinal:     {[]string{"values"}, nil},
	sweep.DistUniform:     {[]string{"min", "max"}, []string{"zero", "count"}},
	sweep.DistLogUniform:  {[]string{"min", "max"}, []string{"zero", "count"}},
	sweep.DistIntUniform:  {[]string{"min", "max"}, []string{"zero", "count"}},
	sweep.DistQUniform:    {[]string{"min", "max", "q"}, []string{"zero", "count"}},
	sweep.DistQLogUniform: {[]string{"min", "max", "q"}, []string{"zero", "count"}},
	sweep.DistNormal:      {[]string{"mu", "sigma"}, []string{"min", "max", "zero", "count"}},
	sweep.DistLogNormal:   {[]string{"mu", "sigma"}, []string{"min", "max", "zero", "count"}},
}

// conditions checks what `when` refers to; names are all parameters of the file,
// broken ones too.
func (c *conformer) conditions(parameters []sweep.Parameter, names []string) {
	named := make(map[string]sweep.Parameter)
	for _, p := range parameters {
		named[p.Name] = p
	}
	for _, p := range parameters {
		if p.When == nil {
			continue
		}
		path := "parameters." + p.Name + ".when"
		info, legal := sweep.LookupParameter(p.When.Param)
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
	for _, p := range space.Ordered((&sweep.Spec{Parameters: parameters})) {
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
