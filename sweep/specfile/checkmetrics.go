package specfile

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

func (c *checker) checkMetrics() {
	metrics := c.spec.Metrics
	for i := range metrics {
		o := &metrics[i]
		if !c.valid(o) {
			continue
		}
		info, _ := c.spec.Metric(o.Name)
		if slices.ContainsFunc(metrics[:i], func(before sweep.Objective) bool { return before.Name == o.Name }) {
			c.wrong(&o.Name, o.Name, "listed twice", "each metric once")
		}
		if o.Goal == "" {
			c.wrong(o, "", "needs a goal, since only the program knows what "+o.Name+" is", "goal: minimize, or goal: maximize")
			continue
		}
		if o.Goal != info.Goal {
			c.wrong(&o.Goal, string(o.Goal), "is the wrong direction for "+o.Name, string(info.Goal))
		}
	}
}

// checkConstraints checks the metrics that constraints name.
func (c *checker) checkConstraints() {
	s := c.spec
	for i := range s.Constraints {
		constraint := &s.Constraints[i]
		switch {
		case !c.valid(constraint):
			continue
		case slices.Contains(s.Constraints[:i], *constraint):
			c.wrong(constraint, c.shown(constraint), "listed twice", "each constraint once")
			continue
		case constraint.Baseline != "" && !c.given(&s.Baseline):
			c.wrong(constraint, c.shown(constraint), "is relative to a baseline, but the spec has none", "a baseline, or a number")
		}
		for _, name := range slices.Compact([]string{constraint.Metric, constraint.Baseline}) {
			if _, known := s.Metric(name); !known && name != "" {
				c.unknownMetric(c.at(constraint), name, name)
			}
		}
	}
}

// checkMeasurable refuses metrics that no trial could have, as far as the spec alone
// shows it. Package trainer/precheck does the same with the files.
func (c *checker) checkMeasurable() {
	s := c.spec
	if s.Dataset.Classes() == 0 || !c.valid(&s.Dataset, &s.Evaluate.SamplesPerClass, &s.Evaluate.Guidance, &s.Evaluate.Rung,
		&s.Metrics, &s.Constraints, &s.EarlyTerminate, &s.Train.LogEvery) {
		return
	}
	facts := s.Dataset.Facts()
	if c.valid(&s.Evaluate.Features) {
		facts.Dims = s.Evaluate.Features.LeastDims()
	}
	for _, fault := range s.Unmeasurable(facts, sweep.Assignment{}) {
		if field := path(fault.Field); c.valid(field) {
			c.wrong(field, fault.Value, fault.Message, fault.Valid)
		}
	}
}
