package sampler

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// training is the training data of bayes, one row for each configuration.
type training struct {
	x      [][]float64 // points of the unit cube; an absent parameter is at space.Inactive or space.NoCategory
	values [][]float64 // `[n][m]` objectives to minimise
	excess [][]float64 // `[n][c]` beyond the constraints' limits, <= 0 where satisfied; NaN where unknown
	weight []float64   // completed trials of a row
}

// newTraining turns observations into numbers.
//
//   - A diverged configuration is as bad as the worst completed one in every objective and constraint, so that the search leaves the region.
//   - The values of a stopped one are estimated from its last rung: its final values are assumed to differ from the rung's by the median difference of the completed trials (see drift), and not to be better than the best completed one, so that no estimate becomes the value to improve on. (A lower bound at their median kept the search away from good regions, since most trials are stopped there as well.)
//   - Its constraints are known where that estimate is decisive, and unknown elsewhere: limits are narrower than what a rung can show.
func newTraining(r Request, s *space.Cube) training {
	var t training
	list := observations(r, s)
	worst := func(of func(o observation) []float64, n int) []float64 {
		row := make([]float64, n)
		for k := range row {
			row[k] = math.NaN()
			for _, o := range list {
				if o.outcome == completed && !(of(o)[k] <= row[k]) && !math.IsNaN(of(o)[k]) {
					row[k] = of(o)[k]
				}
			}
		}
		return row
	}
	values := worst(func(o observation) []float64 { return o.values }, len(r.Spec.Metrics))
	if slices.ContainsFunc(values, math.IsNaN) {
		return t // nothing has completed
	}
	excess := worst(func(o observation) []float64 { return o.excess }, len(r.Spec.Constraints))
	best := slices.Clone(values)
	for _, o := range list {
		for k := range best {
			if o.outcome == completed {
				best[k] = math.Min(best[k], o.values[k])
			}
		}
	}
	limits := analysis.NewLimits(r.Spec, r.Ledger)
	known := make(drifts)
	for _, o := range list {
		x := slices.Clone(o.u)
		for k, p := range s.Order {
			if math.IsNaN(x[k]) {
				x[k] = space.Inactive
				if space.IsCategorical(p) {
					x[k] = space.NoCategory
				}
			}
		}
		row := o
		switch {
		case o.outcome == diverged:
			row.values, row.excess = values, excess
		case o.outcome == stopped && o.values == nil:
			continue
		case o.outcome == stopped:
			row.values, row.excess = slices.Clone(o.values), make([]float64, len(excess))
			for k := range row.values {
				shift, _ := known.of(r, o.step, r.Spec.Metrics[k])
				row.values[k] = math.Max(o.values[k]+shift, best[k])
			}
			for c, constraint := range r.Spec.Constraints {
				row.excess[c] = math.NaN()
				shift, spread := known.of(r, o.step, sweep.Objective{Name: constraint.Metric})
				value, has := o.rung[constraint.Metric]
				limit, known := limits.Limit(c)
				if e := analysis.Excess(constraint, value+shift, limit.Mean); has && known && math.Abs(e) > analysis.Decisive*spread {
					row.excess[c] = e
				}
			}
		}
		t.x, t.values, t.excess = append(t.x, x), append(t.values, row.values), append(t.excess, row.excess)
		t.weight = append(t.weight, math.Max(float64(o.trials), 1))
	}
	return t
}

// drifts caches drift by metric and step.
type drifts map[rung]struct{ shift, spread float64 }

// rung is a metric at a training step.
type rung struct {
	step   int
	metric sweep.Objective
}

func (d drifts) of(r Request, step int, m sweep.Objective) (shift, spread float64) {
	at := rung{step, m}
	found, has := d[at]
	if !has {
		found.shift, found.spread = drift(r, step, m)
		d[at] = found
	}
	return found.shift, found.spread
}

// drift is the median difference between completed trials' final values, to minimise,
// and their values at the rung of the given step. spread is the standard deviation of
// a normal distribution with the same median deviation. Without such trials they are 0
// and infinite.
func drift(r Request, step int, m sweep.Objective) (shift, spread float64) {
	const normal = 1.4826
	var list []float64
	for _, t := range r.Ledger {
		final, ok := t.Metric(m.Name)
		for _, rung := range t.Rungs {
			if f, has := rung.Metrics[m.Name]; ok && has && rung.Step == step {
				list = append(list, final-f)
			}
		}
	}
	if len(list) == 0 {
		return 0, math.Inf(1)
	}
	shift = median(list)
	for i, d := range list {
		list[i] = math.Abs(d - shift)
	}
	return m.Cost(shift), normal * median(list)
}

// median is the lower median of a non-empty list.
func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[(len(list)-1)/2]
}

// feasible reports whether no known constraint is violated at row i.
func (t *training) feasible(i int) bool {
	return !slices.ContainsFunc(t.excess[i], func(e float64) bool { return e > 0 })
}
