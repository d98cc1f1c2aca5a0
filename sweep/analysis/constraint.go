package analysis

import (
	"maps"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// Limit returns what a constraint's metric is compared with, and the standard
// error of it: that of the mean over the baseline's seeds, 0 for an absolute
// limit and for a baseline of one seed. ok is false while no baseline trial has
// the metric.
func Limit(c sweep.Constraint, ledger []sweep.Trial) (limit sweep.Estimate, ok bool) {
	if c.Baseline == "" {
		return sweep.Estimate{Mean: c.Offset}, true
	}
	one, n := baselineTrial(ledger, c.Baseline)
	if n == 0 {
		return sweep.Estimate{}, false
	}
	return sweep.Estimate{
		Mean:   c.Factor*one.Mean + c.Offset,
		StdDev: math.Abs(c.Factor) * one.StdDev / math.Sqrt(float64(n)),
	}, true
}

// baselineTrial is the mean of a metric over the n baseline trials that have it,
// and the standard deviation of one of them from seed to seed: with n - 1, and 0
// when there are fewer than two.
func baselineTrial(ledger []sweep.Trial, metric string) (one sweep.Estimate, n int) {
	var squares float64
	for _, t := range ledger {
		if f, has := t.Metric(metric); has && t.Kind == sweep.KindBaseline {
			n++
			delta := f - one.Mean // a running mean (Welford 1962)
			one.Mean += delta / float64(n)
			squares += delta * (f - one.Mean)
		}
	}
	if n > 1 {
		one.StdDev = math.Sqrt(squares / float64(n-1))
	}
	return one, n
}

// Excess is how far value is beyond limit; at most 0 where the constraint holds.
func Excess(c sweep.Constraint, value, limit float64) float64 {
	if c.Op == ">=" {
		return limit - value
	}
	return value - limit
}

// Feasibility says whether a point keeps the constraints.
type Feasibility string

// The three answers.
const (
	Feasible   Feasibility = "feasible"
	Infeasible Feasibility = "infeasible"
	Undecided  Feasibility = "undecided" // noise could have made it either
)

// decisive is how many standard errors apart a value and its limit must be.
const decisive = 2

// FeasibilityOf says whether the configuration of t keeps every constraint of the spec, by
// what the ledger knows. Of one constraint, with its limit L from Limit,
//
//	e  = Excess(mean of the metric over the n completed trials of t's parameters, L)
//	se = sqrt(StdErr(L)^2 + s^2 / n)
//
// where s, the noise of one trial, is the standard deviation of the metric over
// the baseline's seeds, and 0 when fewer than two of them are there. The point is
// undecided where |e| < 2 se, and while the baseline that the limit is relative to
// has no result; otherwise it is feasible where e <= 0. That takes the noise to be
// the same everywhere, and does not use that trials of one seed are paired, which
// errs towards undecided. One infeasible constraint makes the point infeasible,
// otherwise one undecided makes it undecided. ok is false where no trial of the
// point has the metric of each constraint.
func FeasibilityOf(s *sweep.Spec, t sweep.Trial, ledger []sweep.Trial) (f Feasibility, ok bool) {
	f = Feasible
	for _, c := range s.Constraints {
		mean, n := pointMean(t, ledger, c.Metric)
		if n == 0 {
			return "", false
		}
		switch decide(c, mean, n, ledger) {
		case Infeasible:
			f = Infeasible
		case Undecided:
			if f == Feasible {
				f = Undecided
			}
		}
	}
	return f, true
}

// decide compares the mean of n trials with the limit.
func decide(c sweep.Constraint, mean float64, n int, ledger []sweep.Trial) Feasibility {
	limit, known := Limit(c, ledger)
	if !known {
		return Undecided
	}
	one, _ := baselineTrial(ledger, c.Metric)
	excess := Excess(c, mean, limit.Mean)
	switch {
	case math.Abs(excess) < decisive*math.Hypot(limit.StdDev, one.StdDev/math.Sqrt(float64(n))):
		return Undecided
	case excess <= 0:
		return Feasible
	}
	return Infeasible
}

// pointMean is the mean of a metric over the n trials, t and those of the ledger,
// that have t's parameters and the metric.
func pointMean(t sweep.Trial, ledger []sweep.Trial, metric string) (mean float64, n int) {
	add := func(t sweep.Trial) {
		if f, has := t.Metric(metric); has {
			n++
			mean += (f - mean) / float64(n)
		}
	}
	listed := false
	for _, other := range ledger {
		if maps.Equal(other.Params, t.Params) {
			listed = listed || other.Number == t.Number
			add(other)
		}
	}
	if !listed {
		add(t)
	}
	return mean, n
}
