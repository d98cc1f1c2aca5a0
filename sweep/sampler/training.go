package sampler

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// training is what bayes fits its models on, a row a point.
type training struct {
	x      [][]float64 // in the unit cube; an absent parameter is at the middle, a categorical one at -1
	values [][]float64 // `[n][m]` objectives to minimise
	excess [][]float64 // `[n][c]` beyond the constraints' limits, <= 0 where they hold; NaN where unknown
	weight []float64   // results behind a row
}

// newTraining turns observations into numbers.
//
//   - A diverged point is as bad as the worst completed one in every objective and
//     constraint, so that the search leaves the region.
//   - A stopped one is judged by its last rung: its final values are taken to differ
//     from the rung's as the completed trials' do in the median, and its objectives
//     not to be better than the median of those, since it was stopped for being worse.
func newTraining(r Request, s *space) training {
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
	middle := make([]float64, len(values))
	for k := range middle {
		var column []float64
		for _, o := range list {
			if o.outcome == completed {
				column = append(column, o.values[k])
			}
		}
		middle[k] = median(column)
	}
	limits := make([]float64, len(excess)) // NaN where unknown
	for c, constraint := range r.Spec.Constraints {
		limits[c] = math.NaN()
		if limit, ok := constraint.Limit(r.Ledger); ok {
			limits[c] = limit.Mean
		}
	}
	for _, o := range list {
		x := slices.Clone(o.u)
		for k, p := range s.order {
			if math.IsNaN(x[k]) {
				x[k] = inactive
				if p.Distribution == sweep.DistCategorical {
					x[k] = -1
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
				row.values[k] = math.Max(o.values[k]+drift(r, o.step, r.Spec.Metrics[k]), middle[k])
			}
			for c, constraint := range r.Spec.Constraints {
				row.excess[c] = math.NaN()
				if value, has := o.rung[constraint.Metric]; has {
					final := value + drift(r, o.step, sweep.Objective{Name: constraint.Metric})
					row.excess[c] = constraint.Excess(final, limits[c])
				}
			}
		}
		t.x, t.values, t.excess = append(t.x, x), append(t.values, row.values), append(t.excess, row.excess)
		t.weight = append(t.weight, math.Max(float64(o.trials), 1))
	}
	return t
}

// drift is the median of what completed trials' values, to minimise, differ by
// from those at the rung of the given step; 0 without one.
func drift(r Request, step int, m sweep.Objective) float64 {
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
		return 0
	}
	if m.Goal == sweep.Maximize {
		return -median(list)
	}
	return median(list)
}

// median is the lower median of a list that is not empty.
func median(list []float64) float64 {
	return slices.Sorted(slices.Values(list))[(len(list)-1)/2]
}

// feasible reports whether point i breaks no constraint, as far as is known.
func (t *training) feasible(i int) bool {
	return !slices.ContainsFunc(t.excess[i], func(e float64) bool { return e > 0 })
}
