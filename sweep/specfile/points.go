package specfile

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
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

// ParsePoints reads configurations from a YAML file: a list as in the field points of a
// spec. Whether a sweep's space has them, the sweep checks. The error is Faults.
func ParsePoints(file string, data []byte) ([]sweep.Params, error) {
	const wanted = "a list of configurations, such as - {infonce.weight: 0.3}"
	d := readValue(file, data, "configurations", wanted)
	items, list := d.root.([]any)
	if !list || len(items) == 0 {
		d.refuseRoot("a list of configurations", wanted)
	}
	points := make([]sweep.Params, len(items))
	for i, item := range items {
		at := path("").item(i)
		fields, mapping := item.(map[string]any)
		if !mapping && !d.broken[at] {
			d.fault(at, d.values[at].text, "is not a configuration", "a mapping of parameters to values")
		}
		points[i] = make(sweep.Params, len(fields))
		for name, value := range fields {
			field := at.field(name)
			switch v := value.(type) {
			case json.Number:
				points[i][name], _ = sweep.ParseNumber(v.String()) // the document has read it as one
			case string:
				points[i][name] = sweep.Word(v)
			case bool: // of a program's parameter
				points[i][name] = sweep.Word(strconv.FormatBool(v))
			default:
				if !d.broken[field] {
					d.fault(field, d.values[field].text, "is not a value of a parameter", "a number or a word")
				}
			}
		}
	}
	if len(d.faults) > 0 {
		d.faults.sort()
		return nil, d.faults
	}
	return points, nil
}
