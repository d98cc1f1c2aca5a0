package sweep

import (
	"cmp"
	"slices"
	"strings"
)

// NamedMetrics returns the metrics that the objectives and constraints name, each once.
func (s *Spec) NamedMetrics() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, o := range s.Metrics {
		add(o.Name)
	}
	for _, c := range s.Constraints {
		add(c.Metric)
		add(c.Baseline)
	}
	return names
}

// Objectives returns those of metrics that the spec's objectives and constraints name.
func (s *Spec) Objectives(metrics map[string]float64) map[string]float64 {
	values := make(map[string]float64, len(s.Metrics))
	for _, name := range s.NamedMetrics() {
		if value, ok := metrics[name]; ok {
			values[name] = value
		}
	}
	return values
}

// Goal returns the direction of a metric. That of a program's metric is the one that the
// objectives or the constraints have for it, "" if they have none.
func (s *Spec) Goal(metric string) Goal {
	if o, ok := find(s.Metrics, func(o Objective) bool { return o.Name == metric }); ok {
		return o.Goal
	}
	if info, ok := LookupMetric(metric); ok {
		return info.Goal
	}
	c, _ := find(s.Constraints, func(c Constraint) bool { return c.Metric == metric || c.Baseline == metric })
	return map[string]Goal{"<=": Minimize, ">=": Maximize}[c.Op]
}

// Cost returns a value of the objective, negated if more is better, so that less is
// better.
func (o Objective) Cost(value float64) float64 {
	if o.Goal == Maximize {
		return -value
	}
	return value
}

// Compare orders a before b (< 0) when a is better; a trial without the metric comes last.
func (o Objective) Compare(a, b Trial) int {
	x, okX := a.Metric(o.Name)
	y, okY := b.Metric(o.Name)
	switch {
	case okX && okY:
		return cmp.Compare(o.Cost(x), o.Cost(y))
	case okX:
		return -1
	case okY:
		return 1
	}
	return 0
}

// MeasuresCAS reports whether an evaluation trains a classifier for cas.*.
func (s *Spec) MeasuresCAS() bool {
	return s.Evaluate.CAS || slices.ContainsFunc(s.NamedMetrics(), func(name string) bool {
		return strings.HasPrefix(name, FamilyCAS+".")
	})
}
