package sweep

import (
	"cmp"
	"slices"
)

// Rank returns the completed trials that have the metric, best first, baseline
// trials among them. The order is by metric ("" means the spec's first), ties by
// the spec's metrics in turn, then by number. It does not change trials.
func Rank(spec *Spec, trials []Trial, metric string) []Trial {
	objectives := slices.Clone(spec.Metrics)
	if metric != "" {
		objectives = slices.Insert(objectives, 0, Objective{Name: metric, Goal: spec.goal(metric)})
	}
	var ranked []Trial
	for _, t := range trials {
		if _, ok := t.Metric(objectives[0].Name); ok {
			ranked = append(ranked, t)
		}
	}
	slices.SortStableFunc(ranked, func(a, b Trial) int {
		for _, o := range objectives {
			if c := o.compare(a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.Number, b.Number)
	})
	return ranked
}

// Best returns the first of Rank, and whether there is one.
func Best(spec *Spec, trials []Trial, metric string) (Trial, bool) {
	if ranked := Rank(spec, trials, metric); len(ranked) > 0 {
		return ranked[0], true
	}
	return Trial{}, false
}

// Pareto returns the completed trials that no other beats: none is at least as
// good in every metric of the spec and better in one. Trials without a finite
// value of each metric take no part. The order is Rank's.
func Pareto(spec *Spec, trials []Trial) []Trial {
	ranked := slices.DeleteFunc(Rank(spec, trials, ""), func(t Trial) bool {
		return slices.ContainsFunc(spec.Metrics, func(o Objective) bool {
			_, ok := t.Metric(o.Name)
			return !ok
		})
	})
	var front []Trial
	for _, t := range ranked {
		if !slices.ContainsFunc(ranked, func(other Trial) bool { return dominates(spec.Metrics, other, t) }) {
			front = append(front, t)
		}
	}
	return front
}

// SlotHours is how long the trials held training slots, in hours: training and
// evaluation, failed attempts included.
func SlotHours(trials []Trial) float64 {
	var seconds float64
	for _, t := range trials {
		seconds += t.TrainTime + t.EvalTime
	}
	return seconds / 3600
}

// goal is the direction of a metric: the spec's where it names it.
func (s *Spec) goal(metric string) Goal {
	for _, o := range s.Metrics {
		if o.Name == metric {
			return o.Goal
		}
	}
	info, _ := LookupMetric(metric)
	return info.Goal
}

// compare orders a before b (< 0) when a is better; a trial without the metric comes last.
func (o Objective) compare(a, b Trial) int {
	x, okX := a.Metric(o.Name)
	y, okY := b.Metric(o.Name)
	switch {
	case okX && !okY:
		return -1
	case !okX && okY:
		return 1
	case !okX && !okY:
		return 0
	case o.Goal == Maximize:
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}

func dominates(objectives []Objective, a, b Trial) bool {
	better := false
	for _, o := range objectives {
		switch c := o.compare(a, b); {
		case c > 0:
			return false
		case c < 0:
			better = true
		}
	}
	return better
}
