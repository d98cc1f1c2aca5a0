package specfile

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep/space"
)

// checkPoints checks that each point is a configuration of the search space that no
// other point and no baseline trial has, and that the budget allows all of them.
func (c *checker) checkPoints() {
	s := c.spec
	if runs := &s.Budget.RunCap; len(s.Points) > *runs && c.given(runs) && c.valid(runs) {
		c.wrong(&s.Points, "", "are more than the search trials of the sweep", fmt.Sprintf("at most budget.run_cap = %d", *runs))
	}
	if !c.given(&s.Parameters) || !c.valid(&s.Parameters) {
		return
	}
	of := *s
	if !c.valid(&s.Baseline, &s.Train, &s.Evaluate, &s.Model) { // what the baseline trains is not known
		of.Baseline = nil
	}
	seen := make(map[string]path)
	for i, params := range s.Points {
		at := path("points").item(i)
		if params == nil { // it is broken
			continue
		}
		for _, f := range space.PointFaults(&of, params) {
			switch field := at.field(f.Field); {
			case f.Field == "":
				c.wrong(at, f.Value, f.Message, f.Valid)
			case c.broken[field]: // it has a fault of its own
			case c.given(field):
				c.wrong(field, c.shown(field), f.Message, f.Valid)
			default:
				c.wrong(field, f.Value, f.Message, f.Valid)
			}
		}
		if !c.valid(at) {
			continue
		}
		key := params.Key()
		if first, twice := seen[key]; twice {
			c.wrong(at, "", "is the same as "+string(first), "each configuration once")
			continue
		}
		seen[key] = at
	}
}
