package sampler

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

// field is how the points of a race stand. With f_k(p) the estimated mean of
// objective k at p, lower is better, and unit_k the noise of one result, the
// margin by which p belongs to the winners is
//
//	margin(p) = min( min_q max_k (f_k(q) - f_k(p))/unit_k,  min_c slack_c(p)/unit_c )
//
// over the other feasible points q (the additive epsilon indicator of Zitzler et
// al., IEEE Trans. Evol. Comput. 7, 2003) and the constraints c whose limit is
// known. It is not negative for a winner: with one objective the best feasible
// point, whose margin is the distance to the next; with several the feasible
// front.
type field struct {
	scales    []scale    // of the objectives, then of the constraints
	objective int        // how many of them are objectives
	standings []standing // of the points with a result of every scale, winners first, by margin
	df        int        // degrees of freedom of the noise, the least of the scales'
	known     bool       // the units are noise; while it is not known, the points' spread
	quantile  float64    // of Student's distribution with df
}

// scale is what a point is judged by.
type scale struct {
	metric string
	noise  *analysis.Noise
	unit   float64
	// of an objective
	sign float64 // -1 when it is maximised
	// of a constraint
	limits     *analysis.Limits
	constraint int // its place among the spec's
}

// standing is a point, its margin and what the margin is taken to.
type standing struct {
	point  *point
	values []float64 // in units: of objectives f, of constraints the slack
	margin float64
	scale  int    // that the margin is of
	rival  *point // that the margin is to, where scale is an objective
}

// tiny stands for a unit of 0, so that what is exact is decided.
const tiny = 1e-300

func newField(c *race) *field {
	f := &field{known: true}
	spec, ledger := c.request.Spec, c.request.Ledger
	for _, o := range spec.Metrics {
		s := scale{metric: o.Name, sign: 1, noise: analysis.NewNoise(ledger, o.Name)}
		if o.Goal == sweep.Maximize {
			s.sign = -1
		}
		f.scales = append(f.scales, s)
	}
	f.objective = len(f.scales)
	limits := analysis.NewLimits(spec, ledger)
	for i, k := range spec.Constraints {
		if _, ok := limits.Limit(i); ok {
			f.scales = append(f.scales, scale{metric: k.Metric, limits: limits, constraint: i, noise: limits.Noise(i)})
		}
	}
	f.df = math.MaxInt
	for i := range f.scales {
		f.scales[i].unit = max(f.scales[i].noise.StdDev, tiny)
		f.df = min(f.df, f.scales[i].noise.DF)
	}
	f.known = f.df >= raceDF
	if f.known {
		f.quantile = max(distuv.StudentsT{Sigma: 1, Nu: float64(f.df)}.Quantile(0.975), analysis.Decisive)
	}
	f.enter(c.points)
	f.judge()
	return f
}

// enter takes the points that can be judged.
func (f *field) enter(points []*point) {
	columns := make([][]float64, len(f.scales))
	for _, p := range points {
		values := make([]float64, len(f.scales))
		whole := !p.out
		for i, s := range f.scales {
			mean, ok := s.noise.Mean(p.key)
			whole = whole && ok
			if values[i] = s.sign * mean.Mean; i >= f.objective {
				excess, _ := s.limits.Excess(s.constraint, p.key)
				values[i] = -excess.Mean
			}
		}
		if whole {
			f.standings = append(f.standings, standing{point: p, values: values})
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

// judge sets the margins and sorts by them. The nearest rival of a point that
// another dominates is on the front, since whatever dominates comes closer.
func (f *field) judge() {
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
	winner := make(map[*point]bool)
	for _, s := range front {
		winner[s.point] = true
	}
	for i := range f.standings {
		s := &f.standings[i]
		rivals := front
		if winner[s.point] {
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
		return cmp.Or(cmp.Compare(b.margin, a.margin), cmp.Compare(a.point.first, b.point.first))
	})
}

// nearest sets the margin of s over rivals, +Inf when there are none.
func (f *field) nearest(s *standing, rivals []standing) {
	s.margin, s.scale, s.rival = math.Inf(1), 0, nil
	for _, q := range rivals {
		if q.point == s.point {
			continue
		}
		escape, scale := math.Inf(-1), 0
		for k := range f.objective {
			if d := q.values[k] - s.values[k]; d > escape {
				escape, scale = d, k
			}
		}
		if escape < s.margin {
			s.margin, s.scale, s.rival = escape, scale, q.point
		}
	}
}

// behind reports whether s is no winner because of its rival.
func (f *field) behind(s standing) bool { return s.margin < 0 && s.scale < f.objective }

// deviation is the standard error of a margin, in units.
func (f *field) deviation(s standing) float64 {
	return f.estimate(s).StdDev / f.scales[s.scale].unit
}

// estimate is what the margin is of, in the metric's own units: the difference to
// the rival, or the mean less the limit.
func (f *field) estimate(s standing) (e sweep.Estimate) {
	scale := f.scales[s.scale]
	switch {
	case s.scale >= f.objective:
		e, _ = scale.limits.Excess(scale.constraint, s.point.key)
	case s.rival != nil:
		e, _ = scale.noise.Difference(s.point.key, s.rival.key)
	}
	return e
}

// sentence says why p gets a seed: s is undecided, and p is its point or its rival.
func (f *field) sentence(s standing, p *point) string {
	number := func(x float64) string { return strconv.FormatFloat(math.Abs(x), 'g', 2, 64) }
	e, scale := f.estimate(s), f.scales[s.scale]
	by := fmt.Sprintf("%s +- %s", number(e.Mean), number(e.StdDev))
	switch {
	case s.scale >= f.objective && s.margin < 0:
		return fmt.Sprintf("%s of trial %d is beyond its limit by %s", scale.metric, s.point.first, by)
	case s.scale >= f.objective:
		return fmt.Sprintf("%s of trial %d is within its limit by %s", scale.metric, s.point.first, by)
	case s.margin >= 0:
		return fmt.Sprintf("leads trial %d in %s by %s", s.rival.first, scale.metric, by)
	case p == s.rival:
		return fmt.Sprintf("leads trial %d in %s by %s", s.point.first, scale.metric, by)
	}
	return fmt.Sprintf("trails trial %d in %s by %s", s.rival.first, scale.metric, by)
}
