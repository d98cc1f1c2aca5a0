package specfile

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// bounds checks the values and numbers of a parameter with each other. The schema has
// checked each against the parameter's own range.
func (c *checker) bounds(p *sweep.Parameter) {
	if !c.valid(p) {
		return
	}
	switch p.Distribution {
	case sweep.DistConstant, sweep.DistCategorical:
		return
	case sweep.DistOrdinal:
		c.ascending(p)
		return
	case sweep.DistNormal, sweep.DistLogNormal:
		c.normal(p)
	default:
		c.ends(p)
		if c.given(&p.Q) && c.valid(p) {
			c.steps(p)
		}
	}
	if p.Zero > 0 && c.valid(p) {
		c.zero(p)
	}
}

// ascending checks that the numbers of an ordinal rise. Words keep the order in which
// they are written.
func (c *checker) ascending(p *sweep.Parameter) {
	if len(p.Values) < 2 {
		c.wrong(&p.Values, "", "an order needs two values", "two or more, or value for a constant")
		return
	}
	for i, v := range p.Values[1:] {
		if before := p.Values[i]; !v.IsWord() && v.Float() <= before.Float() {
			item := &p.Values[i+1]
			c.wrong(item, c.shown(item), "is not above the value before it", "more than "+before.String()+", or distribution categorical")
			return
		}
	}
}

// ends checks min and max.
func (c *checker) ends(p *sweep.Parameter) {
	low, high := c.shown(&p.Min), c.shown(&p.Max)
	if p.Min >= p.Max {
		c.wrong(&p.Max, high, "is not above min", "more than "+low+", or value for a constant")
		return
	}
	info, _ := sweep.LookupParameter(p.Name)
	logarithm := p.Distribution == sweep.DistLogUniform || p.Distribution == sweep.DistQLogUniform
	switch {
	case info.Integer && (p.Distribution == sweep.DistUniform || p.Distribution == sweep.DistLogUniform):
		c.integersOnly(p)
	case p.Distribution == sweep.DistIntUniform && !(whole(p.Min) && whole(p.Max)):
		c.wrong(&p.Min, low+" to "+high, "int_uniform takes integers", "integer min and max")
	case p.Distribution == sweep.DistIntUniform && p.Max-p.Min > space.MaxSteps:
		c.wrong(&p.Max, high, "too many values", fmt.Sprintf("at most %d", space.MaxSteps))
	case logarithm && p.Min <= 0:
		c.wrong(&p.Min, low, fmt.Sprintf("%s needs min > 0", p.Distribution), "more than 0, with zero: P for an exact 0")
	}
}

// steps checks q.
func (c *checker) steps(p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	q := c.shown(&p.Q)
	switch {
	case p.Q > p.Max-p.Min:
		c.wrong(&p.Q, q, "is larger than the range", "at most max - min")
	case (p.Max-p.Min)/p.Q > space.MaxSteps:
		c.wrong(&p.Q, q, "too many steps", fmt.Sprintf("at most %d", space.MaxSteps))
	case info.Integer && !(whole(p.Min) && whole(p.Max) && whole(p.Q)):
		c.wrong(&p.Q, q, p.Name+" takes integers", "integer min, max and q")
	case p.Distribution == sweep.DistQLogUniform && p.Q >= 2*p.Min:
		c.wrong(&p.Q, q, "min stands for what is within q / 2 of it, and 0 with it", "less than 2 min, with zero: P for an exact 0")
	}
}

// normal resolves the ends of a normal or log_normal: those given, otherwise
// normalEnds standard deviations from the mean, where the parameter can be that.
func (c *checker) normal(p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	if info.Integer {
		c.integersOnly(p)
		return
	}
	low, high := p.Mu-space.NormalEnds*p.Sigma, p.Mu+space.NormalEnds*p.Sigma
	if p.Distribution == sweep.DistLogNormal {
		low, high = math.Exp(low), math.Exp(high)
	}
	orElse(c, &p.Min, math.Max(space.RoundDigits(low, 12), info.Min))
	orElse(c, &p.Max, math.Min(space.RoundDigits(high, 12), info.Max))
	shown := sweep.Number(p.Min).String() + " to " + sweep.Number(p.Max).String()
	switch {
	case p.Min >= p.Max:
		c.wrong(p, shown, "min and max leave nothing of the "+string(p.Distribution), fmt.Sprintf("min below max, within %d sigma of mu", space.NormalEnds))
	case !info.Accepts(sweep.Number(p.Min)):
		c.wrong(p, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Min), p.Name), "min: "+info.Legal())
	case !info.Accepts(sweep.Number(p.Max)):
		c.wrong(p, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Max), p.Name), "max: "+info.Legal())
	case p.Distribution == sweep.DistLogNormal && p.Min <= 0:
		c.wrong(&p.Min, c.shown(&p.Min), "log_normal needs min > 0", "more than 0, with zero: P for an exact 0")
	default:
		if space.Mass(*p) < space.LeastMass {
			c.wrong(p, shown, fmt.Sprintf("min and max leave less than %g of the %s", space.LeastMass, p.Distribution), "ends within 3 sigma of mu")
		}
	}
}

// zero checks that an exact 0 is outside the range, and legal.
func (c *checker) zero(p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	switch shown := c.shown(&p.Zero); {
	case p.Min <= 0:
		c.wrong(&p.Zero, shown, "zero needs min > 0: the range has a zero already", "min > 0, or no zero")
	case !info.Accepts(sweep.Number(0)):
		c.wrong(&p.Zero, shown, p.Name+" cannot be 0", info.Legal())
	}
}

func (c *checker) integersOnly(p *sweep.Parameter) {
	c.wrong(p, string(p.Distribution), p.Name+" takes integers", "int_uniform, q_uniform and q_log_uniform_values with integers, or values")
}

func whole(f float64) bool { return f == math.Trunc(f) }
