package sweep

import (
	"cmp"
	"slices"
)

// Point is one setting of the parameters: the completed trials of it that have
// the metric which points are ranked by.
type Point struct {
	Trials      []Trial     // the one that trained with train.seed first, then by number
	Mean        Trial       // the first of Trials, with the objectives' means over Trials as its metrics
	Feasibility Feasibility // "" without constraints; Undecided, too, where a constraint's metric is missing
}

// Points returns the settings that have a value of the metric ("" means the
// spec's first) from a trial that failed no gate, best first: feasible ones, then undecided, then infeasible ones;
// among these by the mean of the metric over the setting's seeds, ties by the
// spec's metrics in turn, then by number. Limits relative to the baseline come
// from the baseline trials among trials. It does not change trials.
func Points(spec *Spec, trials []Trial, metric string) []Point {
	return spec.rank(group(spec, trials, spec.order(metric)), trials, metric)
}

// Rank returns the completed trials that have the metric and failed no gate, best
// first, baseline trials among them, in the order of Points. Where the spec asks for repeats a
// setting ranks as one: its trials, which may have several seeds, stand together.
// Elsewhere each trial ranks by its own metrics, so do the baseline's seeds. It
// does not change trials.
func Rank(spec *Spec, trials []Trial, metric string) []Trial {
	var ranked []Trial
	for _, p := range spec.rank(spec.places(trials, metric), trials, metric) {
		ranked = append(ranked, p.Trials...)
	}
	return ranked
}

// Distinct leaves the first trial of each setting in a ranking, where the spec asks
// for repeats: further seeds of the best setting are not the second best.
func Distinct(spec *Spec, ranked []Trial) []Trial {
	if spec.Repeats == nil {
		return ranked
	}
	seen := map[string]bool{}
	var first []Trial
	for _, t := range ranked {
		if key := t.Params.Key(); !seen[key] {
			seen[key] = true
			first = append(first, t)
		}
	}
	return first
}

// places are what Rank puts in order.
func (s *Spec) places(trials []Trial, metric string) []Point {
	objectives := s.order(metric)
	if s.Repeats != nil {
		return group(s, trials, objectives)
	}
	var singles []Point
	for _, t := range trials {
		if t.ranks(objectives[0].Name) {
			singles = append(singles, Point{Trials: []Trial{t}, Mean: t})
		}
	}
	return singles
}

// group puts the trials of equal parameters together.
func group(spec *Spec, trials []Trial, objectives []Objective) []Point {
	var points []Point
	at := make(map[string]int, len(trials))
	for _, t := range trials {
		if !t.ranks(objectives[0].Name) {
			continue
		}
		key := t.Params.Key()
		i, known := at[key]
		if !known {
			i = len(points)
			at[key] = i
			points = append(points, Point{})
		}
		points[i].Trials = append(points[i].Trials, t)
	}
	for i := range points {
		p := &points[i]
		slices.SortFunc(p.Trials, func(a, b Trial) int {
			if first := a.Seed == spec.Train.Seed; first != (b.Seed == spec.Train.Seed) {
				if first {
					return -1
				}
				return 1
			}
			return cmp.Compare(a.Number, b.Number)
		})
		p.Mean = p.Trials[0]
		p.Mean.Metrics = make(map[string]float64, len(objectives))
		for _, o := range objectives {
			if mean, n := meanOf(p.Trials, o.Name); n > 0 {
				p.Mean.Metrics[o.Name] = mean
			}
		}
	}
	return points
}

// ranks reports whether a trial takes part in a ranking by a metric: it has a value,
// and failed no gate.
func (t Trial) ranks(metric string) bool {
	_, ok := t.Metric(metric)
	return ok && len(t.Gates) == 0
}

// meanOf is the mean of a metric over the n trials that have it.
func meanOf(trials []Trial, metric string) (mean float64, n int) {
	for _, t := range trials {
		if f, ok := t.Metric(metric); ok {
			n++
			mean += (f - mean) / float64(n)
		}
	}
	return mean, n
}

// rank judges and orders points.
func (s *Spec) rank(points []Point, trials []Trial, metric string) []Point {
	if len(s.Constraints) > 0 {
		baseline := slices.DeleteFunc(slices.Clone(trials), func(t Trial) bool { return t.Kind != KindBaseline })
		for i, p := range points {
			points[i].Feasibility = s.judge(p, baseline)
		}
	}
	objectives := s.order(metric)
	slices.SortStableFunc(points, func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Feasibility.class(), b.Feasibility.class()), compareTrials(objectives, a.Mean, b.Mean))
	})
	return points
}

// compareTrials orders by each objective in turn, then by number.
func compareTrials(objectives []Objective, a, b Trial) int {
	for _, o := range objectives {
		if c := o.compare(a, b); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Number, b.Number)
}

// RanksAlone reports whether Rank needs nothing but the trials that it puts in
// order: there are neither constraints nor repeats, for which the rest of the
// ledger matters. Then it is ByMetrics.
func (s *Spec) RanksAlone() bool { return len(s.Constraints) == 0 && s.Repeats == nil }

// KeptCheckpoints is how many trials' final checkpoints a sweep keeps, best first:
// checkpoints.save_sweep_best, and as many spares where further seeds of a setting,
// or of the baseline, may change the order of trials that have long completed.
func (s *Spec) KeptCheckpoints() int {
	if s.RanksAlone() {
		return s.Checkpoints.SaveSweepBest
	}
	return 2 * s.Checkpoints.SaveSweepBest
}

// ByMetrics returns the completed trials that have the spec's first metric and
// failed no gate, best first by their own metrics, whatever the constraints and the other seeds say. It
// is for workflow code, which has no ledger.
func ByMetrics(spec *Spec, trials []Trial) []Trial {
	var ranked []Trial
	for _, t := range trials {
		if t.ranks(spec.Metrics[0].Name) {
			ranked = append(ranked, t)
		}
	}
	slices.SortStableFunc(ranked, func(a, b Trial) int { return compareTrials(spec.Metrics, a, b) })
	return ranked
}

// Gated returns the completed trials that have the metric ("" means the spec's first)
// and failed a gate, best first by their own metrics.
func Gated(spec *Spec, trials []Trial, metric string) []Trial {
	objectives := spec.order(metric)
	var gated []Trial
	for _, t := range trials {
		if _, ok := t.Metric(objectives[0].Name); ok && len(t.Gates) > 0 {
			gated = append(gated, t)
		}
	}
	slices.SortStableFunc(gated, func(a, b Trial) int { return compareTrials(objectives, a, b) })
	return gated
}

// judge is the feasibility of a point. Only the baseline and the point's own
// trials matter to it, so that a ledger of thousands is not read for each.
func (s *Spec) judge(p Point, baseline []Trial) Feasibility {
	ledger := slices.Clone(baseline)
	for _, t := range p.Trials {
		if t.Kind != KindBaseline {
			ledger = append(ledger, t)
		}
	}
	if f, ok := s.Feasibility(p.Trials[0], ledger); ok {
		return f
	}
	return Undecided
}

// Judge returns the feasibility of each completed trial, by number: that of its
// setting, whose trials may have several seeds. It is empty without constraints.
func Judge(spec *Spec, trials []Trial) map[int]Feasibility {
	judged := map[int]Feasibility{}
	if len(spec.Constraints) == 0 {
		return judged
	}
	var baseline []Trial
	settings := map[string][]Trial{}
	for _, t := range trials {
		if t.Status != StatusCompleted {
			continue
		}
		settings[t.Params.Key()] = append(settings[t.Params.Key()], t)
		if t.Kind == KindBaseline {
			baseline = append(baseline, t)
		}
	}
	for _, t := range trials {
		if t.Status == StatusCompleted {
			judged[t.Number] = spec.judge(Point{Trials: settings[t.Params.Key()]}, baseline)
		}
	}
	return judged
}

// class orders what is allowed before what may be, and that before what is not.
func (f Feasibility) class() int {
	switch f {
	case Undecided:
		return 1
	case Infeasible:
		return 2
	}
	return 0
}

// order is the list of objectives that decide, the metric first.
func (s *Spec) order(metric string) []Objective {
	if metric == "" {
		return s.Metrics
	}
	return slices.Concat([]Objective{{Name: metric, Goal: s.goal(metric)}}, s.Metrics)
}

// Best returns the first of Rank, and whether there is one.
func Best(spec *Spec, trials []Trial, metric string) (Trial, bool) {
	if ranked := Rank(spec, trials, metric); len(ranked) > 0 {
		return ranked[0], true
	}
	return Trial{}, false
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

// cost is a value of the objective with its sign turned so that less is better.
func (o Objective) cost(value float64) float64 {
	if o.Goal == Maximize {
		return -value
	}
	return value
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
	}
	return cmp.Compare(o.cost(x), o.cost(y))
}
