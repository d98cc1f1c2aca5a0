package repeats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// comparison compares the configurations of a race. With f_k(p) the estimated mean of
// objective k at p, lower being better, and unit_k the noise of one result, the margin
// of p is
//
//	margin(p) = min( min_q max_k (f_k(q) - f_k(p))/unit_k,  min_c slack_c(p)/unit_c )
//
// over the other feasible configurations q (the additive epsilon indicator of Zitzler
// et al., IEEE Trans. Evol. Comput. 7, 2003) and the constraints c whose limit is
// known. A winner has a margin of 0 or more: with one objective it is the best
// feasible configuration, and the margin is the distance to the next; with several the
// winners are the feasible front.
type comparison struct {
	scales    []scale // of the objectives, then of the constraints
	limits    *analysis.Limits
	objective int        // how many of them are objectives
	standings []standing // of the configurations with a result on every scale, the largest margin first
	df        int        // degrees of freedom of the noise, the least of the scales'
	known     bool       // units are the noise; otherwise they are the spread of the configurations
	quantile  float64    // of Student's distribution with df
}

// scale is an objective or a constraint.
type scale struct {
	sweep.Objective // of a constraint: the name of its metric
	noise           *analysis.Noise
	unit            float64
	constraint      int // its place among the spec's
}

// standing is a configuration, its margin and what the margin refers to.
type standing struct {
	of     *configuration
	values []float64 // in units: f of objectives, the slack of constraints
	margin float64
	scale  int            // that sets the margin
	rival  *configuration // nearest one, where scale is an objective
}

// tiny stands for a unit of 0: any difference in an exact result is decisive.
const tiny = 1e-300

func newComparison(c *Race) *comparison {
	f := &comparison{limits: analysis.NewLimits(c.spec, c.ledger), objective: len(c.spec.Metrics), df: math.MaxInt}
	for _, o := range c.spec.Metrics {
		f.scales = append(f.scales, scale{Objective: o, noise: analysis.NewNoise(c.ledger, o.Name)})
	}
	for i, k := range c.spec.Constraints {
		if _, ok := f.limits.Limit(i); ok {
			f.scales = append(f.scales, scale{Objective: sweep.Objective{Name: k.Metric}, constraint: i, noise: f.limits.Noise(i)})
		}
	}
	for i := range f.scales {
		f.scales[i].unit = max(f.scales[i].noise.StdDev, tiny)
		f.df = min(f.df, f.scales[i].noise.DF)
	}
	f.known = f.df >= raceDF
	if f.known {
		f.quantile = max(distuv.StudentsT{Sigma: 1, Nu: float64(f.df)}.Quantile(0.975), analysis.Decisive)
	}
	f.add(c.configurations)
	f.rank()
	return f
}

// add adds the configurations that can be compared.
func (f *comparison) add(points []*configuration) {
	columns := make([][]float64, len(f.scales))
	for _, p := range points {
		values := make([]float64, len(f.scales))
		complete := !p.out
		for i, s := range f.scales {
			mean, ok := s.noise.Mean(p.key)
			complete = complete && ok
			if values[i] = s.Cost(mean.Mean); i >= f.objective {
				excess, _ := f.limits.Excess(s.constraint, p.key)
				values[i] = -excess.Mean
			}
		}
		if complete {
			f.standings = append(f.standings, standing{of: p, values: values})
			for i, v := range values {
				columns[i] = append(columns[i], v)
			}
		}
	}
	for i := range f.scales {
		if !f.known && len(f.standings) > 1 {
			f.scales[i].unit = max(stat.StdDev(columns[i], nil), tiny)
		}
		for _, s := range f.standings {
			s.values[i] /= f.scales[i].unit
		}
	}
}

// rank sets the margins and sorts by them. The nearest rival of a dominated
// configuration is on the front, since whatever dominates a rival is nearer.
func (f *comparison) rank() {
	slices.SortStableFunc(f.standings, func(a, b standing) int {
		return slices.Compare(a.values[:f.objective], b.values[:f.objective])
	})
	var feasible, front []standing
	for _, s := range f.standings {
		if slices.ContainsFunc(s.values[f.objective:], func(slack float64) bool { return slack < 0 }) {
			continue
		}
		feasible = append(feasible, s)
		f.nearest(&s, front)
		if s.margin >= 0 {
			front = append(front, s)
		}
	}
	winner := make(map[*configuration]bool)
	for _, s := range front {
		winner[s.of] = true
	}
	for i := range f.standings {
		s := &f.standings[i]
		rivals := front
		if winner[s.of] {
			rivals = feasible
		}
		f.nearest(s, rivals)
		for k, slack := range s.values[f.objective:] {
			if slack < s.margin {
				s.margin, s.scale = slack, f.objective+k
			}
		}
	}
	slices.SortStableFunc(f.standings, func(a, b standing) int {
		return cmp.Or(cmp.Compare(b.margin, a.margin), cmp.Compare(a.of.first, b.of.first))
	})
}

// nearest sets the margin of s over rivals, +Inf when there are none.
func (f *comparison) nearest(s *standing, rivals []standing) {
	s.margin, s.scale, s.rival = math.Inf(1), 0, nil
	for _, q := range rivals {
		if q.of == s.of {
			continue
		}
		escape, scale := math.Inf(-1), 0
		for k := range f.objective {
			if d := q.values[k] - s.values[k]; d > escape {
				escape, scale = d, k
			}
		}
		if escape < s.margin {
			s.margin, s.scale, s.rival = escape, scale, q.of
		}
	}
}

// behind reports whether a rival keeps s from being a winner.
func (f *comparison) behind(s standing) bool { return s.margin < 0 && s.scale < f.objective }

// deviation is the standard error of a margin, in units.
func (f *comparison) deviation(s standing) float64 {
	return f.estimate(s).StdDev / f.scales[s.scale].unit
}

// estimate is the margin in the unit of the metric: the difference from the rival, or
// the excess over the limit.
func (f *comparison) estimate(s standing) (e sweep.Estimate) {
	scale := f.scales[s.scale]
	switch {
	case s.scale >= f.objective:
		e, _ = f.limits.Excess(scale.constraint, s.of.key)
	case s.rival != nil:
		e, _ = scale.noise.Difference(s.of.key, s.rival.key)
	}
	return e
}

// sentence is the reason for giving p a seed: s is undecided, and p is its
// configuration or its rival.
func (f *comparison) sentence(s standing, p *configuration) string {
	number := func(x float64) string { return strconv.FormatFloat(math.Abs(x), 'g', 2, 64) }
	e, scale := f.estimate(s), f.scales[s.scale]
	by := fmt.Sprintf("%s +- %s", number(e.Mean), number(e.StdDev))
	switch {
	case s.scale >= f.objective && s.margin < 0:
		return fmt.Sprintf("%s of trial %d is beyond its limit by %s", scale.Name, s.of.first, by)
	case s.scale >= f.objective:
		return fmt.Sprintf("%s of trial %d is within its limit by %s", scale.Name, s.of.first, by)
	case s.margin >= 0:
		return fmt.Sprintf("leads trial %d in %s by %s", s.rival.first, scale.Name, by)
	case p == s.rival:
		return fmt.Sprintf("leads trial %d in %s by %s", s.of.first, scale.Name, by)
	}
	return fmt.Sprintf("trails trial %d in %s by %s", s.rival.first, scale.Name, by)
}
