package sweep

import (
	"maps"
	"slices"
	"strings"
)

// HeadAndTail returns the metrics that stand for the head and the tail classes wherever
// results of the spec are shown side by side: the first metric of each group among the
// objectives, then among the constraints. Where none is of the group it is the metric of
// the family that the spec names for the other group, else of the first family that the
// spec names, else FID or KID; and zero where that cannot be measured.
func (s *Spec) HeadAndTail() (head, tail Objective) {
	named := s.NamedMetrics()
	of := func(group string) string {
		i := slices.IndexFunc(named, func(name string) bool { return groupOf(name) == group })
		if i < 0 {
			return ""
		}
		return named[i]
	}
	h, t := of(GroupHead), of(GroupTail)
	if h == "" {
		h = s.measured(GroupHead, append([]string{t}, named...))
	}
	if t == "" {
		t = s.measured(GroupTail, append([]string{h}, named...))
	}
	return s.objective(h), s.objective(t)
}

// groupOf is the class group of a metric, "" for one without. A metric of a program is of the
// group that it ends with, as in recall.tail.
func groupOf(metric string) string {
	if info, ok := LookupMetric(metric); ok {
		return info.Group
	}
	if end := metric[strings.LastIndexByte(metric, '.')+1:]; slices.Contains(MetricGroups(), end) {
		return end
	}
	return ""
}

// measured is the metric of a group that evaluations measure, of the first family of the
// metrics like where one has groups, else FID or KID; "" where there is none.
func (s *Spec) measured(group string, like []string) string {
	if !s.Evaluates() {
		return ""
	}
	var names []string
	for _, name := range like {
		if groupOf(name) != "" && Evaluated(name) {
			family, _, _ := strings.Cut(name, ".")
			names = append(names, family+"."+group)
		}
	}
	facts := s.Dataset.Facts()
	for _, name := range append(names, FamilyFID+"."+group, FamilyKID+"."+group) {
		if s.unmeasurable(RequiredMetric{Metric: name}, facts, max(1, len(s.Evaluate.Guidance)), false) == nil {
			return name
		}
	}
	return ""
}

// objective is a metric with its direction; zero for "".
func (s *Spec) objective(metric string) Objective {
	if metric == "" {
		return Objective{}
	}
	return Objective{Name: metric, Goal: s.Goal(metric)}
}

// maxShown is how many metrics tables show.
const maxShown = 4

// ShownMetrics are the metrics that tables show: those of HeadAndTail, then the other
// objectives. The objectives come first where the spec names no metric of head or tail.
func (s *Spec) ShownMetrics() []string {
	head, tail := s.HeadAndTail()
	pair, objectives := []string{head.Name, tail.Name}, make([]string, len(s.Metrics))
	for i, o := range s.Metrics {
		objectives[i] = o.Name
	}
	all := slices.Concat(pair, objectives)
	if named := s.NamedMetrics(); !slices.Contains(named, head.Name) && !slices.Contains(named, tail.Name) {
		all = slices.Concat(objectives, pair)
	}
	var names []string
	for _, name := range all {
		if name != "" && !slices.Contains(names, name) && len(names) < maxShown {
			names = append(names, name)
		}
	}
	return names
}

// Values are the metrics of a trial's evaluation, and those of its training that the spec
// names.
func (s *Spec) Values(t Trial) map[string]float64 {
	values := t.Metrics
	for _, name := range s.NamedMetrics() {
		if _, has := values[name]; has {
			continue
		}
		if value, ok := t.Metric(name); ok {
			if values = maps.Clone(values); values == nil {
				values = make(map[string]float64)
			}
			values[name] = value
		}
	}
	return values
}

// Better says which values of a metric with this direction are better.
func (g Goal) Better() string {
	if g == Maximize {
		return "higher"
	}
	return "lower"
}
