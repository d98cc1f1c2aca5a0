package analysis

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Feasibility says whether a configuration satisfies the constraints.
type Feasibility string

// The three answers.
const (
	Feasible   Feasibility = "feasible"
	Infeasible Feasibility = "infeasible"
	Undecided  Feasibility = "undecided" // within the noise either is possible
)

// OfBest says what it means that the best trial of a sweep has this feasibility.
func (f Feasibility) OfBest() string {
	switch f {
	case Undecided:
		return "undecided: no trial is known to be feasible"
	case Infeasible:
		return "infeasible: no trial is feasible"
	}
	return string(f)
}

// Decisive is how many standard errors an estimate must be away from 0 for its sign
// to be taken as known: the interval of 95 % does not contain 0.
const Decisive = sweep.Deviations95

// Class is 0 for feasible and for no constraints, 1 for undecided, 2 for infeasible: a
// ranking has the lower classes first.
func (f Feasibility) Class() int {
	return max(0, slices.Index([]Feasibility{Feasible, Undecided, Infeasible}, f))
}

// Limits compares configurations with the constraints of a spec, by one Noise a
// metric. It does not change.
type Limits struct {
	constraints []sweep.Constraint
	limits      []limit
	noise       map[string]*Noise             // by metric
	measured    map[string]map[string]float64 // by metric: measurementErrors
}

// limit is what one constraint's metric is compared with.
type limit struct {
	sweep.Estimate
	known    bool
	baseline string // key of the baseline's configuration, "" for an absolute limit
}

// NewLimits fits the noise of every metric that a constraint names.
func NewLimits(spec *sweep.Spec, ledger []sweep.Trial) *Limits {
	l := &Limits{constraints: spec.Constraints, noise: make(map[string]*Noise), measured: make(map[string]map[string]float64)}
	for _, c := range spec.Constraints {
		for _, metric := range []string{c.Metric, c.Baseline} {
			if metric != "" && l.noise[metric] == nil {
				l.noise[metric], l.measured[metric] = NewNoise(ledger, metric), measurementErrors(ledger, metric)
			}
		}
		l.limits = append(l.limits, l.limitOf(c, ledger))
	}
	return l
}

// measurementErrors returns the standard error of a metric of each configuration, by key:
// what other samples and other real images would change, the root mean square over its
// trials. All trials are compared with the same real images, so the mean over several seeds
// is taken to be no more certain than one.
func measurementErrors(ledger []sweep.Trial, metric string) map[string]float64 {
	squares, n := map[string]float64{}, map[string]float64{}
	for _, t := range ledger {
		if _, has := t.Metric(metric); !has {
			continue
		}
		if deviation, known := t.StandardError[metric]; known {
			key := t.Params.Key()
			n[key]++
			squares[key] += (deviation*deviation - squares[key]) / n[key]
		}
	}
	for key, square := range squares {
		squares[key] = math.Sqrt(square)
	}
	return squares
}

// limitOf is the limit of a constraint. A limit relative to the baseline is computed from
// the mean of the baseline trials, less the effect of their seeds.
func (l *Limits) limitOf(c sweep.Constraint, ledger []sweep.Trial) limit {
	if c.Baseline == "" {
		return limit{Estimate: sweep.Estimate{Mean: c.Offset}, known: true}
	}
	baseline := baselineOf(ledger)
	mean, n := meanOf(baseline, c.Baseline)
	if n == 0 {
		return limit{}
	}
	key := baseline[0].Params.Key()
	noise := l.noise[c.Baseline]
	e, _ := noise.Mean(key)
	return limit{
		Estimate: sweep.Estimate{Mean: c.Factor*(mean-noise.Effect(key)) + c.Offset, StdDev: math.Abs(c.Factor) * e.StdDev},
		known:    true, baseline: key,
	}
}

// Limit returns what the metric of constraint i is compared with, and its standard
// error, which comes from the baseline's mean over its seeds and is 0 for an absolute
// limit. ok is false while no baseline trial has the metric.
func (l *Limits) Limit(i int) (limit sweep.Estimate, ok bool) {
	return l.limits[i].Estimate, l.limits[i].known
}

// Noise is the noise of the metric of constraint i.
func (l *Limits) Noise(i int) *Noise { return l.noise[l.constraints[i].Metric] }

// Excess estimates how far a configuration's mean is beyond the limit of constraint
// i, at most 0 where the constraint is satisfied. Where the limit is relative to the
// baseline's value of the same metric, the two are paired by their seeds; their
// noise is taken to be independent otherwise. ok is false when the limit or the
// configuration has no result.
func (l *Limits) Excess(i int, key string) (excess sweep.Estimate, ok bool) {
	c, to := l.constraints[i], l.limits[i]
	mean, has := l.Noise(i).Mean(key)
	if !has || !to.known {
		return sweep.Estimate{}, false
	}
	excess = sweep.Estimate{Mean: Excess(c, mean.Mean, to.Mean), StdDev: math.Hypot(mean.StdDev, to.StdDev)}
	if c.Metric == c.Baseline {
		difference, _ := l.Noise(i).weighted(key, to.baseline, c.Factor)
		excess.StdDev = difference.StdDev
	}
	return excess, true
}

// Interval is Excess with the standard error by which Feasibility decides:
//
//   - over trainings, that of Excess, where a configuration or the baseline has several
//     seeds. Each training draws other samples, so theirs is in it;
//   - over samples and real images, that of the configuration's values and of the baseline's,
//     as if they were independent. Both are compared with the same real images, so this is
//     too large rather than too small.
//
// It is the larger one, since each leaves out what the other has. Where trainings are known
// and the limit is relative to the baseline's value of the same metric, the first alone
// decides: it is of a difference on the same real images.
func (l *Limits) Interval(i int, key string) (excess sweep.Estimate, ok bool) {
	c, to := l.constraints[i], l.limits[i]
	if excess, ok = l.Excess(i, key); !ok {
		return excess, false
	}
	same := c.Metric == c.Baseline
	if same && l.Noise(i).DF > 0 {
		return excess, true
	}
	own, limit := l.measured[c.Metric][key], math.Abs(c.Factor)*l.measured[c.Baseline][to.baseline]
	measured := math.Hypot(own, limit)
	if same && key == to.baseline {
		measured = math.Abs(1-c.Factor) * own // one value on both sides
	}
	excess.StdDev = math.Max(excess.StdDev, measured)
	return excess, true
}

// Difference estimates how much larger a metric is in a configuration than in the baseline,
// with the standard error of Limits.Interval: 0 where nothing is known of the noise. ok is false
// where either has no result.
func Difference(ledger []sweep.Trial, metric, key string) (difference sweep.Estimate, ok bool) {
	equal := sweep.Constraint{Metric: metric, Op: "<=", Baseline: metric, Factor: 1}
	return NewLimits(&sweep.Spec{Constraints: []sweep.Constraint{equal}}, ledger).Interval(0, key)
}

// Feasibility says whether a configuration satisfies every constraint. It is undecided
// on a constraint whose limit is not known, or whose Interval is within Decisive standard
// errors of 0. One broken constraint makes the configuration infeasible, otherwise one
// that is undecided makes it undecided. ok is false where a constraint's metric is
// missing in all trials of the configuration.
func (l *Limits) Feasibility(key string) (f Feasibility, ok bool) {
	f = Feasible
	for i := range l.constraints {
		satisfied, ok := l.Satisfied(i, key)
		if !ok {
			return "", false
		}
		if satisfied.Class() > f.Class() {
			f = satisfied
		}
	}
	return f, true
}

// Satisfied is Feasibility by constraint i alone.
func (l *Limits) Satisfied(i int, key string) (f Feasibility, ok bool) {
	if _, has := l.Noise(i).Mean(key); !has {
		return "", false
	}
	excess, known := l.Interval(i, key)
	switch {
	case !known || math.Abs(excess.Mean) < Decisive*excess.StdDev:
		return Undecided, true
	case excess.Mean > 0:
		return Infeasible, true
	}
	return Feasible, true
}

// Feasibilities returns the feasibility of each completed trial, by number: that of its
// configuration, undecided where a constraint's metric is missing. It is empty without
// constraints.
func Feasibilities(spec *sweep.Spec, trials []sweep.Trial) map[int]Feasibility {
	feasibility := map[int]Feasibility{}
	if len(spec.Constraints) == 0 {
		return feasibility
	}
	l := NewLimits(spec, trials)
	for _, t := range trials {
		if t.Status == sweep.StatusCompleted {
			feasibility[t.Number] = l.FeasibilityOf(t.Params.Key())
		}
	}
	return feasibility
}

// FeasibilityOf is Feasibility, undecided where a metric is missing.
func (l *Limits) FeasibilityOf(key string) Feasibility {
	if f, ok := l.Feasibility(key); ok {
		return f
	}
	return Undecided
}

// Excess is how far value is beyond limit; at most 0 where the constraint is satisfied.
func Excess(c sweep.Constraint, value, limit float64) float64 {
	if c.Op == ">=" {
		return limit - value
	}
	return value - limit
}
