package specfile

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// maxQuanta bounds the steps of q_uniform and q_log_uniform_values and the values
// of int_uniform.
const maxQuanta = 1_000_000

// bounds copies and checks the values and numbers of a parameter. The schema has
// checked each against the parameter's own range.
func (c *conformer) bounds(path string, f parameterFields, p *sweep.Parameter) {
	p.Value, p.Values, p.Zero, p.Count = f.Value, f.Values, f.Zero, f.Count
	if !c.sound(path) {
		return
	}
	switch p.Distribution {
	case sweep.DistConstant, sweep.DistCategorical:
		return
	case sweep.DistOrdinal:
		c.ascending(path, p)
		return
	case sweep.DistNormal, sweep.DistLogNormal:
		c.normal(path, f, p)
	default:
		p.Min, p.Max = *f.Min, *f.Max
		c.ends(path, p)
		if f.Q != nil && c.sound(path) {
			p.Q = *f.Q
			c.steps(path, p)
		}
	}
	if p.Zero > 0 && c.sound(path) {
		c.zero(path, p)
	}
}

// ascending holds that the numbers of an ordinal rise; words are in whatever order
// their author gave.
func (c *conformer) ascending(path string, p *sweep.Parameter) {
	if len(p.Values) < 2 {
		c.fault(path+".values", "", "an order needs two values", "two or more, or value for a constant")
		return
	}
	for i, v := range p.Values[1:] {
		if before := p.Values[i]; !v.IsWord() && v.Float() <= before.Float() {
			item := fmt.Sprintf("%s.values[%d]", path, i+1)
			c.fault(item, c.shown(item), "is not above the value before it", "more than "+before.String()+", or distribution categorical")
			return
		}
	}
}

// ends checks min and max.
func (c *conformer) ends(path string, p *sweep.Parameter) {
	low, high := c.shown(path+".min"), c.shown(path+".max")
	if p.Min >= p.Max {
		c.fault(path+".max", high, "is not above min", "more than "+low+", or value for a constant")
		return
	}
	info, _ := sweep.LookupParameter(p.Name)
	logarithm := p.Distribution == sweep.DistLogUniform || p.Distribution == sweep.DistQLogUniform
	switch {
	case info.Integer && (p.Distribution == sweep.DistUniform || p.Distribution == sweep.DistLogUniform):
		c.integersOnly(path, p)
	case p.Distribution == sweep.DistIntUniform && !(whole(p.Min) && whole(p.Max)):
		c.fault(path+".min", low+" to "+high, "int_uniform takes integers", "integer min and max")
	case p.Distribution == sweep.DistIntUniform && p.Max-p.Min > maxQuanta:
		c.fault(path+".max", high, "too many values", fmt.Sprintf("at most %d", maxQuanta))
	case logarithm && p.Min <= 0:
		c.fault(path+".min", low, fmt.Sprintf("%s needs min > 0", p.Distribution), "more than 0, with zero: P for an exact 0")
	}
}

// steps checks q.
func (c *conformer) steps(path string, p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	q := c.shown(path + ".q")
	switch {
	case p.Q > p.Max-p.Min:
		c.fault(path+".q", q, "is larger than the range", "at most max - min")
	case (p.Max-p.Min)/p.Q > maxQuanta:
		c.fault(path+".q", q, "too many steps", fmt.Sprintf("at most %d", maxQuanta))
	case info.Integer && !(whole(p.Min) && whole(p.Max) && whole(p.Q)):
		c.fault(path+".q", q, p.Name+" takes integers", "integer min, max and q")
	case p.Distribution == sweep.DistQLogUniform && p.Q >= 2*p.Min:
		c.fault(path+".q", q, "min stands for what is within q / 2 of it, and 0 with it", "less than 2 min, with zero: P for an exact 0")
	}
}

// normal resolves the ends of a normal or log_normal: those given, otherwise
// normalEnds standard deviations from the mean, where the parameter can be that.
func (c *conformer) normal(path string, f parameterFields, p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	if info.Integer {
		c.integersOnly(path, p)
		return
	}
	p.Mu, p.Sigma = *f.Mu, *f.Sigma
	low, high := p.Mu-space.NormalEnds*p.Sigma, p.Mu+space.NormalEnds*p.Sigma
	if p.Distribution == sweep.DistLogNormal {
		low, high = math.Exp(low), math.Exp(high)
	}
	p.Min, p.Max = math.Max(space.RoundDigits(low, 12), info.Min), math.Min(space.RoundDigits(high, 12), info.Max)
	if f.Min != nil {
		p.Min = *f.Min
	}
	if f.Max != nil {
		p.Max = *f.Max
	}
	shown := sweep.Number(p.Min).String() + " to " + sweep.Number(p.Max).String()
	switch {
	case p.Min >= p.Max:
		c.fault(path, shown, "min and max leave nothing of the "+string(p.Distribution), fmt.Sprintf("min below max, within %d sigma of mu", space.NormalEnds))
	case !info.Accepts(sweep.Number(p.Min)):
		c.fault(path, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Min), p.Name), "min: "+info.Legal())
	case !info.Accepts(sweep.Number(p.Max)):
		c.fault(path, shown, fmt.Sprintf("reaches %s, which %s cannot be", sweep.Number(p.Max), p.Name), "max: "+info.Legal())
	case p.Distribution == sweep.DistLogNormal && p.Min <= 0:
		c.fault(path+".min", c.shown(path+".min"), "log_normal needs min > 0", "more than 0, with zero: P for an exact 0")
	default:
		if a, b := space.Reach(*p); a >= b || space.NormalMass(a, b) < space.LeastMass {
			c.fault(path, shown, fmt.Sprintf("min and max leave less than %g of the %s", space.LeastMass, p.Distribution), "ends within 3 sigma of mu")
		}
	}
}

// zero checks that an exact 0 is outside the range, and legal.
func (c *conformer) zero(path string, p *sweep.Parameter) {
	info, _ := sweep.LookupParameter(p.Name)
	switch shown := c.shown(path + ".zero"); {
	case p.Min <= 0:
		c.fault(path+".zero", shown, "zero needs min > 0: the range has a zero already", "min > 0, or no zero")
	case !info.Accepts(sweep.Number(0)):
		c.fault(path+".zero", shown, p.Name+" cannot be 0", info.Legal())
	}
}

func (c *conformer) integersOnly(path string, p *sweep.Parameter) {
	c.fault(path, string(p.Distribution), p.Name+" takes integers", "int_uniform, q_uniform and q_log_uniform_values with integers, or values")
}

// shown is the text at path in the file.
func (c *conformer) shown(path string) string { return c.nodes[path].shown() }

func whole(f float64) bool { return f == math.Trunc(f) }
