package specfile

import (
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

func (c *conformer) checkMetrics(s *sweep.Spec) {
	seen := make(map[string]bool)
	for i, o := range s.Metrics {
		path := fmt.Sprintf("metrics[%d]", i)
		if len(s.Metrics) != len(c.nodes["metrics"].items) || !c.sound(path) {
			continue // positions are not the file's any more
		}
		info, _ := sweep.LookupMetric(o.Name)
		if seen[o.Name] {
			c.fault(path+".name", o.Name, "listed twice", "each metric once")
		}
		seen[o.Name] = true
		if o.Goal != info.Goal {
			c.fault(path+".goal", string(o.Goal), "is the wrong way for "+o.Name, string(info.Goal))
		}
	}
}

// constraints reads the constraints and checks what they name. One that has a
// fault is told and left out.
func (c *conformer) constraints(s *sweep.Spec) []sweep.Constraint {
	var constraints []sweep.Constraint
	if !c.given("constraints") {
		return nil
	}
	for i, item := range c.nodes["constraints"].items {
		path := fmt.Sprintf("constraints[%d]", i)
		if !c.sound(path) {
			continue
		}
		constraint, err := sweep.ParseConstraint(item.text)
		switch {
		case err != nil:
			c.fault(path, item.shown(), err.Error(), "")
			continue
		case slices.Contains(constraints, constraint):
			c.fault(path, item.shown(), "listed twice", "each constraint once")
			continue
		case constraint.Baseline != "" && !c.given("baseline"):
			c.fault(path, item.shown(), "is relative to a baseline, and there is none", "a baseline, or a number")
		}
		names := []string{constraint.Metric}
		if constraint.Baseline != "" && constraint.Baseline != constraint.Metric {
			names = append(names, constraint.Baseline)
		}
		for _, name := range names {
			c.checkMetricName(path, name)
		}
		if c.sound(path) {
			constraints = append(constraints, constraint)
		}
	}
	return constraints
}

// checkMetricName refuses the name of a metric that does not exist.
func (c *conformer) checkMetricName(path, name string) {
	if _, known := sweep.LookupMetric(name); known {
		return
	}
	var all []string
	for _, m := range sweep.MetricList() {
		all = append(all, m.Name)
	}
	message := "unknown metric"
	if near := nearest(name, all); near != "" {
		message = fmt.Sprintf("unknown metric, did you mean %q?", near)
	}
	c.fault(path, name, message, sweep.MetricWords())
}

// checkMeasurable refuses the metrics that no trial could have, as far as the spec
// alone shows it. Package trainer/precheck does the same with the files.
func (c *conformer) checkMeasurable(s *sweep.Spec) {
	if s.Dataset.Classes() == 0 || !c.sound("dataset", "evaluate.samples_per_class", "evaluate.guidance", "evaluate.rung", "metrics", "constraints", "early_terminate", "train.log_every") {
		return
	}
	for _, fault := range s.Unmeasurable(s.Dataset.Facts(), sweep.Assignment{}) {
		if c.sound(fault.Field) {
			c.fault(fault.Field, fault.Value, fault.Message, fault.Valid)
		}
	}
}
