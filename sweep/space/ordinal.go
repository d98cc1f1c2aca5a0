package space

import "github.com/tailsweep/tailsweep/sweep"

var ordinal = Distribution{
	Name: sweep.DistOrdinal, About: "One of a list whose order means something; numbers ascend.", Needs: []string{"values"},
	List: func(p sweep.Parameter) []sweep.Value { return p.Values }, Order: true,
	// Numbers ascend. Words keep the order in which they are written.
	Check: func(c Checker, p *sweep.Parameter, _ sweep.ParameterInfo) {
		if len(p.Values) < 2 {
			c.Wrong(&p.Values, "", "an order needs two values", "two or more, or value for a constant")
			return
		}
		for i, v := range p.Values[1:] {
			if before := p.Values[i]; !v.IsWord() && v.Float() <= before.Float() {
				item := &p.Values[i+1]
				c.Wrong(item, c.Shown(item), "is not above the value before it", "more than "+before.String()+", or distribution categorical")
				return
			}
		}
	},
}
