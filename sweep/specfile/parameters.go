package specfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// parameters resolves the search space, ordered by name. A parameter that has a fault
// is left out of the spec.
func (c *checker) parameters() {
	all := c.spec.Parameters
	for i := range all {
		if p := &all[i]; c.spec.Trainer != nil && !sweep.FreeName(p.Name) {
			c.wrong(p, p.Name, "cannot be the name of a parameter", freeNames)
			continue
		}
		c.distribution(&all[i])
		if c.valid(&all[i]) {
			info, _ := c.spec.Parameter(all[i].Name)
			space.Check(space.Checker{Given: c.given, Shown: c.shown, Wrong: c.wrong}, &all[i], info)
		}
	}
	c.conditions()
	c.spec.Parameters = slices.DeleteFunc(slices.Clone(all), func(p sweep.Parameter) bool { return !c.valid(parameter(p.Name)) })
}

// distribution resolves how a parameter is spread: value means constant, values
// categorical, min and max with q q_uniform. min and max alone mean int_uniform for an
// integer parameter (batch) and uniform for any other, however the bounds are written:
// 0 and 0.0 are the same number. For a parameter of a program, of which nothing else is known,
// bounds that are written as integers mean int_uniform, as in W&B. The other distributions have
// to be named.
func (c *checker) distribution(p *sweep.Parameter) {
	if p.Distribution == "" {
		switch {
		case c.given(&p.Distribution): // and broken
			return
		case c.given(&p.Value):
			p.Distribution = sweep.DistConstant
		case c.given(&p.Values):
			p.Distribution = sweep.DistCategorical
		case c.given(&p.Min) && c.given(&p.Max) && c.given(&p.Q):
			p.Distribution = sweep.DistQUniform
		case c.given(&p.Min) && c.given(&p.Max):
			p.Distribution = sweep.DistUniform
			if info, _ := c.spec.Parameter(p.Name); info.Integer || info.Free && c.writtenInteger(&p.Min) && c.writtenInteger(&p.Max) {
				p.Distribution = sweep.DistIntUniform
			}
		default:
			c.wrong(p, "", "has no values", "value, values, min and max, or a distribution")
			return
		}
	}
	takes := space.Of(*p)
	all := strings.Join(slices.Concat(takes.Needs, takes.Takes), ", ")
	for _, field := range takes.Needs {
		if !c.given(c.at(p).field(field)) {
			c.wrong(p, "", fmt.Sprintf("distribution %s needs %s", p.Distribution, field), all)
		}
	}
	for _, field := range []any{&p.Value, &p.Values, &p.Min, &p.Max, &p.Q, &p.Mu, &p.Sigma, &p.Zero, &p.Count} {
		name := strings.TrimPrefix(string(c.at(field)), string(c.at(p).field("")))
		if c.given(field) && !slices.Contains(takes.Needs, name) && !slices.Contains(takes.Takes, name) {
			c.wrong(field, "", fmt.Sprintf("does not go with distribution %s", p.Distribution), all)
		}
	}
}

// writtenInteger reports whether a number is written without a fraction and an exponent.
func (c *checker) writtenInteger(field any) bool { return !strings.ContainsAny(c.shown(field), ".eE") }

// conditions checks what `when` refers to.
func (c *checker) conditions() {
	parameters := make(map[string]*sweep.Parameter)
	for i, p := range c.spec.Parameters {
		parameters[p.Name] = &c.spec.Parameters[i]
	}
	names := strings.Join(slices.Sorted(maps.Keys(parameters)), ", ")
	for _, p := range c.spec.Parameters {
		if p.When == nil || !c.valid(parameter(p.Name)) {
			continue
		}
		when := parameter(p.Name).field("when")
		info, legal := c.spec.Parameter(p.When.Param)
		switch {
		case !legal || !c.given(parameter(p.When.Param)):
			c.wrong(when, p.When.String(), fmt.Sprintf("%s is not in parameters", p.When.Param), names)
		case !c.valid(parameter(p.When.Param)): // its fault is reported already
		case info.Choices == nil && !info.Free && p.When.Value.IsWord(), info.Choices != nil && !info.Accepts(p.When.Value):
			c.wrong(when, p.When.String(), fmt.Sprintf("%s is never %s", p.When.Param, p.When.Value), info.Legal())
		}
	}
	c.cycles(parameters)
}

// cycles checks that no condition depends on its own parameter, perhaps through others.
// Such parameters are what space.Ordered cannot place.
func (c *checker) cycles(parameters map[string]*sweep.Parameter) {
	placed := make(map[string]bool)
	for _, p := range space.Ordered(c.spec) {
		placed[p.Name] = true
	}
	for _, p := range c.spec.Parameters {
		cycle := make(map[string]bool)
		next := &p
		for next != nil && !placed[next.Name] && !cycle[next.Name] && next.When != nil {
			cycle[next.Name] = true
			next = parameters[next.When.Param]
		}
		if next != nil && next.Name == p.Name && cycle[p.Name] {
			c.wrong(parameter(p.Name).field("when"), p.When.String(), "conditions form a cycle", "conditions on parameters that do not depend on this one")
			maps.Copy(placed, cycle)
		}
	}
}
