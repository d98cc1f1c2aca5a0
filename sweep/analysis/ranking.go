package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// Configuration is one assignment of values to the parameters, with its completed
// trials that have the metric of the ranking.
type Configuration struct {
	Trials      []sweep.Trial // that of train.seed first, then by number
	Mean        sweep.Trial   // the first of Trials, with the objectives' means over Trials as its metrics
	Feasibility Feasibility   // "" without constraints; Undecided also where a constraint's metric is missing
}

// Configurations returns the configurations that have a value of the metric ("" means
// the spec's first) from a trial that failed no gate, best first: feasible ones, then
// undecided, then infeasible ones; among these by the mean of the metric over their
// seeds, ties by the spec's metrics in turn, then by number. It does not change
// trials.
func Configurations(spec *sweep.Spec, trials []sweep.Trial, metric string) []Configuration {
	return rank(spec, group(spec, trials, ordering(spec, metric)), trials, metric)
}

// Rank returns the completed trials that have the metric and failed no gate, best
// first, baseline trials included, in the order of Configurations. Where the spec asks
// for repeats a configuration ranks as one: its trials, of several seeds, stand
// together. Elsewhere each trial ranks by its own metrics, as do the baseline's seeds.
// It does not change trials.
func Rank(spec *sweep.Spec, trials []sweep.Trial, metric string) []sweep.Trial {
	var ranked []sweep.Trial
	for _, p := range rank(spec, places(spec, trials, metric), trials, metric) {
		ranked = append(ranked, p.Trials...)
	}
	return ranked
}

// Distinct keeps the first trial of each configuration in a ranking, where the spec
// asks for repeats: further seeds of the best configuration are not the second best.
func Distinct(spec *sweep.Spec, ranked []sweep.Trial) []sweep.Trial {
	if spec.Repeats == nil {
		return ranked
	}
	seen := map[string]bool{}
	var first []sweep.Trial
	for _, t := range ranked {
		if key := t.Params.Key(); !seen[key] {
			seen[key] = true
			first = append(first, t)
		}
	}
	return first
}

// places returns the configurations that Rank orders: one for each trial, unless the spec
// asks for repeats.
func places(s *sweep.Spec, trials []sweep.Trial, metric string) []Configuration {
	objectives := ordering(s, metric)
	if s.Repeats != nil {
		return group(s, trials, objectives)
	}
	var singles []Configuration
	for _, t := range ranking(trials, objectives[0].Name) {
		singles = append(singles, Configuration{Trials: []sweep.Trial{t}, Mean: t})
	}
	return singles
}

// group collects the trials of equal parameters.
func group(spec *sweep.Spec, trials []sweep.Trial, objectives []sweep.Objective) []Configuration {
	var list []Configuration
	at := make(map[string]int, len(trials))
	for _, t := range ranking(trials, objectives[0].Name) {
		key := t.Params.Key()
		i, known := at[key]
		if !known {
			i = len(list)
			at[key] = i
			list = append(list, Configuration{})
		}
		list[i].Trials = append(list[i].Trials, t)
	}
	for i := range list {
		p := &list[i]
		slices.SortFunc(p.Trials, func(a, b sweep.Trial) int {
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
	return list
}

// ranking returns the trials that take part in a ranking by a metric: those that have a
// value and failed no gate.
func ranking(trials []sweep.Trial, metric string) []sweep.Trial {
	return filter(trials, func(t sweep.Trial) bool {
		_, ok := t.Metric(metric)
		return ok && len(t.Gates) == 0
	})
}

// meanOf is the mean of a metric over the n trials that have it.
func meanOf(trials []sweep.Trial, metric string) (mean float64, n int) {
	for _, t := range trials {
		if f, ok := t.Metric(metric); ok {
			n++
			mean += (f - mean) / float64(n)
		}
	}
	return mean, n
}

// rank sets the feasibility of configurations and orders them.
func rank(s *sweep.Spec, list []Configuration, trials []sweep.Trial, metric string) []Configuration {
	if len(s.Constraints) > 0 {
		limits := NewLimits(s, trials)
		for i, p := range list {
			list[i].Feasibility = limits.FeasibilityOf(p.Mean.Params.Key())
		}
	}
	objectives := ordering(s, metric)
	slices.SortStableFunc(list, func(a, b Configuration) int {
		return cmp.Or(cmp.Compare(a.Feasibility.Class(), b.Feasibility.Class()), compareTrials(objectives, a.Mean, b.Mean))
	})
	return list
}

// compareTrials orders by each objective in turn, then by number.
func compareTrials(objectives []sweep.Objective, a, b sweep.Trial) int {
	for _, o := range objectives {
		if c := o.Compare(a, b); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.Number, b.Number)
}

// ByMetrics returns the completed trials that have the spec's first metric and failed
// no gate, best first by their own metrics; it ignores constraints and other seeds. It
// is for workflow code, which has no ledger.
func ByMetrics(spec *sweep.Spec, trials []sweep.Trial) []sweep.Trial {
	return inOrder(spec.Metrics, ranking(trials, spec.Metrics[0].Name))
}

// Gated returns the completed trials that have the metric ("" means the spec's first)
// and failed a gate, best first by their own metrics.
func Gated(spec *sweep.Spec, trials []sweep.Trial, metric string) []sweep.Trial {
	objectives := ordering(spec, metric)
	return inOrder(objectives, filter(trials, func(t sweep.Trial) bool {
		_, ok := t.Metric(objectives[0].Name)
		return ok && len(t.Gates) > 0
	}))
}

// GatedText says that no trial has a rank by the metric ("" means the spec's first)
// because all failed a gate, and why the best one did; "" when no trial failed a gate.
func GatedText(spec *sweep.Spec, trials []sweep.Trial, metric string) string {
	gated := Gated(spec, trials, metric)
	if len(gated) == 0 {
		return ""
	}
	name := ordering(spec, metric)[0].Name
	best := gated[0]
	value, _ := best.Metric(name)
	text := fmt.Sprintf("%d trials completed with a value of %s, but all failed a gate; the best", len(gated), name)
	if len(gated) == 1 {
		text = fmt.Sprintf("1 trial completed with a value of %s, but it failed a gate; this one", name)
	}
	return fmt.Sprintf("%s, trial %d, has %.4g: %s", text, best.Number, value, strings.Join(best.Gates, "; "))
}

// inOrder sorts trials by their own metrics, best first, and returns them.
func inOrder(objectives []sweep.Objective, trials []sweep.Trial) []sweep.Trial {
	slices.SortStableFunc(trials, func(a, b sweep.Trial) int { return compareTrials(objectives, a, b) })
	return trials
}

// filter returns the trials that are wanted, in their order.
func filter(trials []sweep.Trial, wanted func(sweep.Trial) bool) (kept []sweep.Trial) {
	for _, t := range trials {
		if wanted(t) {
			kept = append(kept, t)
		}
	}
	return kept
}

func baselineOf(trials []sweep.Trial) []sweep.Trial {
	return filter(trials, func(t sweep.Trial) bool { return t.Kind == sweep.KindBaseline })
}

// ordering lists the objectives that decide the order, the metric first.
func ordering(s *sweep.Spec, metric string) []sweep.Objective {
	if metric == "" {
		return s.Metrics
	}
	return slices.Concat([]sweep.Objective{{Name: metric, Goal: s.Goal(metric)}}, s.Metrics)
}

// Best returns the first of Rank, and whether there is one.
func Best(spec *sweep.Spec, trials []sweep.Trial, metric string) (sweep.Trial, bool) {
	if ranked := Rank(spec, trials, metric); len(ranked) > 0 {
		return ranked[0], true
	}
	return sweep.Trial{}, false
}

// SlotHours is how long the trials used training slots, in hours: training and
// evaluation, failed attempts included.
func SlotHours(trials []sweep.Trial) float64 {
	var seconds float64
	for _, t := range trials {
		seconds += t.TrainTime + t.EvalTime
	}
	return seconds / 3600
}
