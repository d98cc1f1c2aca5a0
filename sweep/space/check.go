package space

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// Checker gives Check access to the spec file that a parameter comes from. A field is a
// pointer into the parameter, or the parameter itself.
type Checker struct {
	Given func(field any) bool                          // whether the file has the field
	Shown func(field any) string                        // the field as it is written
	Wrong func(field any, value, message, valid string) // reports a fault
}

// Check fills in the ends of p, which info describes, for which its distribution has a default,
// and reports the first fault in how the fields of p go together. The schema has checked each field by
// itself.
func Check(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) {
	ok := true
	wrong := c.Wrong
	c.Wrong = func(field any, value, message, valid string) {
		ok = false
		wrong(field, value, message, valid)
	}
	if d := Of(*p); d.Check != nil {
		d.Check(c, p, info)
	}
	if !ok || p.Zero == 0 {
		return
	}
	switch shown := c.Shown(&p.Zero); {
	case p.Min <= 0:
		c.Wrong(&p.Zero, shown, "zero needs min > 0: the range includes 0 already", "min > 0, or no zero")
	case !info.Accepts(sweep.Number(0)):
		c.Wrong(&p.Zero, shown, p.Name+" cannot be 0", info.Legal())
	}
}

// checkEnds checks that min is below max.
func checkEnds(c Checker, p *sweep.Parameter) (ok bool) {
	if p.Min >= p.Max {
		c.Wrong(&p.Max, c.Shown(&p.Max), "is not above min", "more than "+c.Shown(&p.Min)+", or value for a constant")
		return false
	}
	return true
}

// checkRange checks a continuous range.
func checkRange(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) {
	switch {
	case !checkEnds(c, p):
	case info.Integer:
		integersOnly(c, p)
	case p.Distribution == sweep.DistLogUniform:
		checkPositive(c, p)
	}
}

// checkPositive checks that a logarithmic range is above 0.
func checkPositive(c Checker, p *sweep.Parameter) (ok bool) {
	if p.Min <= 0 {
		c.Wrong(&p.Min, c.Shown(&p.Min), fmt.Sprintf("%s needs min > 0", p.Distribution), "more than 0, with zero: P for an exact 0")
		return false
	}
	return true
}

// checkSteps checks a range in steps of q.
func checkSteps(c Checker, p *sweep.Parameter, info sweep.ParameterInfo) {
	if !checkEnds(c, p) {
		return
	}
	q := c.Shown(&p.Q)
	switch {
	case p.Q > p.Max-p.Min:
		c.Wrong(&p.Q, q, "is larger than the range", "at most max - min")
	case (p.Max-p.Min)/p.Q > MaxSteps:
		c.Wrong(&p.Q, q, "too many steps", fmt.Sprintf("at most %d", MaxSteps))
	case info.Integer && !(isInteger(p.Min) && isInteger(p.Max) && isInteger(p.Q)):
		c.Wrong(&p.Q, q, p.Name+" takes integers", "integer min, max and q")
	}
}

func integersOnly(c Checker, p *sweep.Parameter) {
	c.Wrong(p, string(p.Distribution), p.Name+" takes integers", "int_uniform, q_uniform and q_log_uniform_values with integers, or values")
}

func isInteger(f float64) bool { return f == math.Trunc(f) }
