package stopping

import (
	"fmt"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// RungResult is the result of a trial at one of its rungs. A trial that diverged before
// the rung has no metrics.
type RungResult struct {
	Trial   int                `json:"trial"`
	Kind    sweep.Kind         `json:"kind,omitempty"`
	Step    int                `json:"step"`
	Metrics map[string]float64 `json:"metrics,omitempty"` // those of the spec and of its constraints, finite only

	Infeasible bool `json:"infeasible,omitempty"` // the trial has ended since, and broke a constraint
}

// Decision is what a trial does after a rung.
type Decision string

// The decisions.
const (
	Continue Decision = "continue"
	Stop     Decision = "stop"
)

// Verdict is a decision on a trial, and the reason: one sentence.
type Verdict struct {
	Decision Decision `json:"decision"`
	Reason   string   `json:"reason"`
}

// Decide says whether a trial continues after the rung at step. results has the results
// of every trial at its rungs so far, in order of arrival, the trial's own among them.
// Those that came after its own are not used, so that asking again later gives the same
// answer.
//
// asha is asynchronous successive halving (Li et al. 2020) in its stopping variant
// (Klein et al. 2020): a trial is compared once, as soon as it has a result, with the n
// results at its rung so far, its own included. It continues if its place is at most
// n/eta, and while n < eta. hyperband does the same among the trials of one bracket.
//
// With one objective, trials are placed by its value; with several, by
// non-dominated rank, and within a rank by crowding distance (Deb et al. 2002, NSGA-II):
// no member of the front is stopped unless the front alone exceeds the quota, so that a
// trial which is better only for the tail is not stopped for its head. Ties go to the lower
// number. A result that lacks an objective comes after those that have all. A trial
// that is the best of an objective so far continues whatever its place.
//
// median stops a trial whose best value so far is worse than the median of the others'
// values at the same rung, once there are min_trials others. (Vizier, Golovin et al.
// 2017, compares with running averages instead; they say little about a FID, which falls
// much from rung to rung.) With several objectives it stops a trial if more than half of
// the others have a better non-dominated rank.
//
// The trial's own constraints are not checked: their limits are tight and meant for the
// end of a training, and a value at a rung says little about the value at the end. But
// trials that have ended since and broke a constraint rank last, whatever their results
// at the rung. Otherwise trials that reach their objective by breaking a constraint
// would stop those that satisfy it.
//
// Baseline trials are never stopped, and do not count among the results.
func Decide(s *sweep.Spec, trial sweep.Assignment, step int, results []RungResult) Verdict {
	switch {
	case trial.Kind == sweep.KindBaseline:
		return Verdict{Continue, "baseline trials are never stopped"}
	case !slices.Contains(TrialRungs(s, trial), step):
		return Verdict{Continue, fmt.Sprintf("step %d is not a rung of this trial", step)}
	}
	end := slices.IndexFunc(results, func(r RungResult) bool { return r.Trial == trial.Number && r.Step == step })
	if end < 0 {
		return Verdict{Continue, fmt.Sprintf("no result at step %d", step)}
	}
	e, rungs := s.EarlyTerminate, len(s.Rungs())
	own := bracket(s, trial.Number, rungs)
	var peers []RungResult
	for _, r := range results[:end+1] {
		if r.Step == step && r.Kind != sweep.KindBaseline && bracket(s, r.Trial, rungs) == own {
			peers = append(peers, r)
		}
	}
	if e.Type == sweep.StopMedian {
		peers[len(peers)-1].Metrics = bestSoFar(s, trial.Number, results[:end+1])
		return medianRule(s, step, peers)
	}
	v := ashaVerdict(s, step, peers)
	if count := brackets(*e); count > 1 {
		v.Reason = fmt.Sprintf("bracket %d of %d: %s", own+1, count, v.Reason)
	}
	return v
}

// ashaVerdict returns the verdict of asha on the last of peers.
func ashaVerdict(s *sweep.Spec, step int, peers []RungResult) Verdict {
	n, eta := len(peers), s.EarlyTerminate.Eta
	if n < eta {
		return Verdict{Continue, fmt.Sprintf("result %d at step %d: no trial is stopped before there are %d", n, step, eta)}
	}
	quota := n / eta
	place, _ := standingOf(s, peers)
	where := fmt.Sprintf("place %d of %d at step %d", place, n, step)
	if place <= quota {
		return Verdict{Continue, fmt.Sprintf("%s: the best %d continue", where, quota)}
	}
	if o, ok := leads(s, peers); ok {
		return Verdict{Continue, fmt.Sprintf("%s: no other trial has a better %s", where, o.Name)}
	}
	return Verdict{Stop, fmt.Sprintf("%s: only the best %d continue", where, quota)}
}

// medianRule returns the verdict of the median rule on the last of peers.
func medianRule(s *sweep.Spec, step int, peers []RungResult) Verdict {
	others, own := peers[:len(peers)-1], peers[len(peers)-1]
	if least := s.EarlyTerminate.MinTrials; len(others) < least {
		return Verdict{Continue, fmt.Sprintf("result %d at step %d: no trial is stopped before there are %d others", len(peers), step, least)}
	}
	if len(s.Metrics) > 1 {
		_, ahead := standingOf(s, peers)
		reason := fmt.Sprintf("%d of %d other trials have a better rank at step %d", ahead, len(others), step)
		if o, ok := leads(s, peers); ok {
			return Verdict{Continue, fmt.Sprintf("%s, but none has a better %s", reason, o.Name)}
		}
		if 2*ahead > len(others) {
			return Verdict{Stop, reason + ", more than half"}
		}
		return Verdict{Continue, reason + ", not more than half"}
	}
	o := s.Metrics[0]
	values := make([]float64, len(others))
	for i, r := range others {
		if values[i] = costAt(o, r); r.Infeasible {
			values[i] = math.Inf(1)
		}
	}
	slices.Sort(values)
	middle := values[len(values)/2]
	if len(values)%2 == 0 && middle != values[len(values)/2-1] { // equal infinities have no mean
		middle = (middle + values[len(values)/2-1]) / 2
	}
	if own := costAt(o, own); own > middle {
		return Verdict{Stop, fmt.Sprintf("%s by step %d is %s, worse than the median of %d others, %s", o.Name, step, costText(o, own), len(others), costText(o, middle))}
	}
	return Verdict{Continue, fmt.Sprintf("%s by step %d is not worse than the median of %d others, %s", o.Name, step, len(others), costText(o, middle))}
}

// bestSoFar returns a trial's best value of each objective in results.
func bestSoFar(s *sweep.Spec, number int, results []RungResult) map[string]float64 {
	best := make(map[string]float64, len(s.Metrics))
	for _, o := range s.Metrics {
		for _, r := range results {
			value, ok := r.Metrics[o.Name]
			if r.Trial != number || !ok {
				continue
			}
			if before, has := best[o.Name]; !has || o.Cost(value) < o.Cost(before) {
				best[o.Name] = value
			}
		}
	}
	return best
}

// leads reports whether the last of peers is the best in an objective, and in which.
// Infeasible ones do not count; of equal ones the lowest number is the best.
func leads(s *sweep.Spec, peers []RungResult) (sweep.Objective, bool) {
	own := peers[len(peers)-1]
	for _, o := range s.Metrics {
		if math.IsInf(costAt(o, own), 1) {
			continue
		}
		beaten := slices.ContainsFunc(peers, func(r RungResult) bool {
			if r.Infeasible {
				return false
			}
			return costAt(o, r) < costAt(o, own) || costAt(o, r) == costAt(o, own) && r.Trial < own.Trial
		})
		if !beaten {
			return o, true
		}
	}
	return sweep.Objective{}, false
}

// costAt returns the cost of a result's value, +Inf if it has none.
func costAt(o sweep.Objective, r RungResult) float64 {
	value, ok := r.Metrics[o.Name]
	if !ok || math.IsNaN(value) {
		return math.Inf(1)
	}
	return o.Cost(value)
}

// costText writes a cost as people read it.
func costText(o sweep.Objective, cost float64) string {
	if math.IsInf(cost, 1) {
		return "missing"
	}
	return fmt.Sprintf("%.4g", o.Cost(cost))
}
