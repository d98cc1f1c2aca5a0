package specfile

import (
	"fmt"
	"slices"
	"strings"

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
		c.checkGroup(s, path+".name", info)
	}
	c.checkSamples(s)
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
			c.checkMetricName(s, path, name)
		}
		if c.sound(path) {
			constraints = append(constraints, constraint)
		}
	}
	return constraints
}

// checkMetricName holds that a metric that a text names exists.
func (c *conformer) checkMetricName(s *sweep.Spec, path, name string) {
	if info, known := sweep.LookupMetric(name); known {
		c.checkGroup(s, path, info)
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

// checkGroup holds that the dataset has the group of a metric.
func (c *conformer) checkGroup(s *sweep.Spec, path string, info sweep.MetricInfo) {
	if s.Dataset.Classes() == 0 || !c.sound("dataset.name", "dataset.imbalance", "dataset.classes") || info.Group == "" {
		return
	}
	switch {
	case s.Dataset.GroupSize(info.Group) > 0:
	case s.Dataset.Imbalance.Profile == sweep.ProfileStep:
		c.fault(path, info.Name, "profile step has no such group", "the groups all, head, tail")
	default:
		c.fault(path, info.Name, fmt.Sprintf("%d classes have no such group", s.Dataset.Classes()), "the groups all, medium")
	}
}

// checkSamples holds that each FID that the spec names is taken on enough samples,
// at the end of a trial and at its rungs. A file's network may have more features
// than the built-in one, and none has fewer: the rest package trainer/precheck finds.
func (c *conformer) checkSamples(s *sweep.Spec) {
	if s.Dataset.Classes() == 0 || !c.sound("dataset.name", "dataset.imbalance", "dataset.classes") {
		return
	}
	for _, name := range s.NamedMetrics() {
		family, group, _ := strings.Cut(name, ".")
		classes := s.Dataset.GroupSize(group)
		if strings.HasPrefix(name, sweep.FIDClass) {
			classes = 1
		}
		if family != sweep.FamilyFID || classes == 0 {
			continue
		}
		word := "1 class"
		if classes != 1 {
			word = fmt.Sprintf("%d classes", classes)
		}
		check := func(field string, perClass int) {
			if samples := perClass * classes; samples < 2*sweep.FeatureDims && c.sound(field) {
				c.fault(field, fmt.Sprint(perClass),
					fmt.Sprintf("gives %s of %s %d samples, and FID needs %d", name, word, samples, 2*sweep.FeatureDims),
					fmt.Sprintf("at least %d", (2*sweep.FeatureDims+classes-1)/classes))
			}
		}
		check("evaluate.samples_per_class", s.Evaluate.SamplesPerClass)
		if s.Evaluate.Rung != nil && c.given("evaluate.rung.samples_per_class") {
			check("evaluate.rung.samples_per_class", s.Evaluate.Rung.SamplesPerClass)
		}
	}
}
