package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// study has the ranking, the baseline and the front that the page shows.
type study struct {
	spec     *sweep.Spec
	trials   []sweep.Trial   // in order of completion
	ranked   []sweep.Trial   // completed and with the first metric, best first
	ordered  []sweep.Trial   // ranked, then the rest by number
	head     sweep.Objective // that stand for head and tail, see HeadAndTail; zero for none
	tail     sweep.Objective
	front    analysis.Front            // head against tail, its trials by head, the best first
	points   map[int]analysis.Standing // of the trials that have a place in that figure
	standing map[int]analysis.Standing // of ranked
	feasible map[int]analysis.Feasibility
	baseline []sweep.Trial // completed; see newStudy
	compared []sweep.Trial // what decides how the best trial compares with the baseline
}

// newStudy takes as baseline the completed trials of kind baseline (one for each seed),
// or if there are none the best search trial without the two losses and resampling (the
// best, so that the comparison does not favour the losses).
func newStudy(spec *sweep.Spec, trials []sweep.Trial) study {
	s := study{spec: spec, trials: trials, ranked: analysis.Rank(spec, trials, ""), feasible: analysis.Feasibilities(spec, trials)}

	place := map[int]int{}
	for i, t := range s.ranked {
		place[t.Number] = i - len(s.ranked)
	}
	s.ordered = slices.SortedStableFunc(slices.Values(trials), func(a, b sweep.Trial) int {
		return cmp.Or(cmp.Compare(place[a.Number], place[b.Number]), cmp.Compare(a.Number, b.Number))
	})

	s.standing = analysis.Standings(spec, trials, "")
	if s.head, s.tail = spec.HeadAndTail(); s.head.Name != "" && s.tail.Name != "" {
		axes := *spec
		axes.Metrics = []sweep.Objective{s.head, s.tail}
		s.front, s.points = analysis.NewFront(&axes, trials, nil), analysis.Standings(&axes, trials, "")
		maps.DeleteFunc(s.points, func(_ int, p analysis.Standing) bool {
			_, head := p.Values[s.head.Name]
			_, tail := p.Values[s.tail.Name]
			return !head || !tail
		})
		slices.SortStableFunc(s.front.Trials, func(a, b sweep.Trial) int {
			return cmp.Compare(s.head.Cost(s.points[a.Number].Values[s.head.Name]), s.head.Cost(s.points[b.Number].Values[s.head.Name]))
		})
	}

	for _, t := range s.ranked {
		if t.Kind == sweep.KindBaseline {
			s.baseline = append(s.baseline, t)
		}
	}
	if len(s.baseline) == 0 {
		if i := slices.IndexFunc(s.ranked, isPlain); i >= 0 && spec.Trainer == nil {
			s.baseline = s.ranked[i : i+1]
		}
	}
	slices.SortFunc(s.baseline, func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) })
	s.compared = s.decisive()
	return s
}

// decisive are the trials of the best configuration, of the baseline, as which a plain trial may
// stand in, and of the configurations with several trials, which show the noise between seeds.
func (s study) decisive() (list []sweep.Trial) {
	if s.Best() == nil {
		return nil
	}
	best := s.Best().Params.Key()
	count := map[string]int{}
	for _, t := range s.ranked {
		count[t.Params.Key()]++
	}
	for _, t := range s.ranked {
		switch key := t.Params.Key(); {
		case s.isBaseline(t):
			t.Kind = sweep.KindBaseline
		case key != best && count[key] < 2:
			continue
		}
		list = append(list, t)
	}
	return list
}

// maxShown is how many trials, the best ones, a page shows the curves and sample grids of.
const maxShown = 100

// Shown returns the trials whose curves and sample grids a page shows: the best ones, and the
// baseline.
func Shown(spec *sweep.Spec, trials []sweep.Trial) []sweep.Trial {
	return newStudy(spec, trials).shown()
}

func (s study) shown() []sweep.Trial {
	list := slices.Clone(s.ordered[:min(len(s.ordered), maxShown)])
	for _, t := range s.baseline {
		if !slices.ContainsFunc(list, func(o sweep.Trial) bool { return o.Number == t.Number }) {
			list = append(list, t)
		}
	}
	return list
}

// NotShown is how many trials of lower rank are left out of shown.
func (s study) NotShown() int { return len(s.ordered) - len(s.shown()) }

// isPlain reports whether t trains with plain DDPM on the natural class frequencies.
func isPlain(t sweep.Trial) bool {
	for _, name := range []string{sweep.ParamInfonceWeight, sweep.ParamAlignmentWeight, sweep.ParamResamplingFactor} {
		if t.Params[name] != sweep.Number(0) {
			return false
		}
	}
	return true
}

// best is the value of a metric by which the best trial is ranked: its own, or with repeats
// the mean over the seeds of its configuration.
func (s study) best(metric string) (value float64, ok bool) {
	if len(s.ranked) == 0 {
		return 0, false
	}
	value, ok = s.standing[s.ranked[0].Number].Values[metric]
	return value, ok
}

// Means says over how many seeds the values of a trial are means; "" for its own values.
func (s study) Means(t sweep.Trial) string {
	if s.spec.Repeats == nil {
		return ""
	}
	return "mean of " + english.Plural(s.standing[t.Number].Seeds, "seed", "")
}

// isLower reports whether lower values of a metric are better.
func (s study) isLower(metric string) bool { return s.spec.Goal(metric) == sweep.Minimize }

// axisLabel is a metric with its unit and the direction that is better.
func (s study) axisLabel(metric string) string { return metric + " (" + s.about(metric) + ")" }

// about is the unit of a metric and the direction that is better.
func (s study) about(metric string) string {
	about := s.spec.Goal(metric).Better() + " is better"
	if info, _ := s.spec.Metric(metric); info.Unit != "" {
		about = info.Unit + ", " + about
	}
	return about
}

func (s study) isBest(t sweep.Trial) bool {
	return len(s.ranked) > 0 && s.ranked[0].Number == t.Number
}

func (s study) isBaseline(t sweep.Trial) bool {
	return slices.ContainsFunc(s.baseline, func(b sweep.Trial) bool { return b.Number == t.Number })
}

// Best is the best trial; nil where no trial is ranked.
func (s study) Best() *sweep.Trial {
	if len(s.ranked) == 0 {
		return nil
	}
	return &s.ranked[0]
}

// Baseline says what the best trial is compared with; "" where there is no baseline or
// the best trial belongs to it.
func (s study) Baseline() string {
	switch best := s.Best(); {
	case best == nil, len(s.baseline) == 0, s.isBaseline(*best):
		return ""
	case s.SeveralSeeds():
		return fmt.Sprintf("baseline, mean of %d seeds", len(s.baseline))
	}
	return fmt.Sprintf("baseline, trial %d", s.baseline[0].Number)
}

// SeveralSeeds reports whether the baseline was trained with several seeds.
func (s study) SeveralSeeds() bool { return len(s.baseline) > 1 }

// class is the CSS class of a trial's line and row.
func (s study) class(t sweep.Trial) string {
	switch {
	case s.isBest(t):
		return "best"
	case s.isBaseline(t):
		return "baseline"
	case t.Status != sweep.StatusCompleted && t.Status != sweep.StatusStopped:
		return "lost"
	}
	return "other"
}

// spread is one metric over the baseline's seeds.
type spread struct {
	Mean, Min, Max float64
	N              int
}

// baselineSpread has N = 0 when no baseline trial has the metric.
func (s study) baselineSpread(metric string) spread {
	out := spread{Min: math.Inf(1), Max: math.Inf(-1)}
	for _, t := range s.baseline {
		if v, ok := t.Metric(metric); ok {
			out.Min, out.Max = min(out.Min, v), max(out.Max, v)
			out.Mean += v
			out.N++
		}
	}
	out.Mean /= float64(max(1, out.N))
	return out
}

// paramNames are the names of all parameters that the spec searches or a trial
// has, ordered.
func paramNames(spec *sweep.Spec, trials []sweep.Trial) []string {
	var names []string
	for _, p := range spec.Parameters {
		names = append(names, p.Name)
	}
	for _, t := range trials {
		names = slices.AppendSeq(names, maps.Keys(t.Params))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
