package sampler

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/gp"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	maxVolumes    = 4    // objectives with hypervolumes; more need too many boxes
	maxBoxes      = 60   // points of a front of two objectives, 30 of three, 15 of four
	noisyOne      = 10   // best points drawn jointly where there is noise, one objective
	noisySeveral  = 24   // likewise, several objectives
	eliteOne      = 6    // best points that candidates are drawn near, one objective
	eliteSeveral  = 18   // likewise, several objectives
	shortlisted   = 12   // best points by an objective, from which its end of the front is sought
	noiseFloor    = 1e-4 // noise variance of standardised observations below which they count as exact
	hopeful       = 1    // standard deviations below its mean at which an objective is expected at its end
	lookAlong     = 5    // points tried along each coordinate for an end
	beyondNoise   = 5    // standard deviations of the noise between the front and the reference point
	worstExpected = 1    // standard deviations beyond the worst result: the value of having no feasible point
)

// model has a surrogate for each objective and each constraint.
type model struct {
	training
	objectives  []surrogate
	constraints []surrogate
	noisy       bool
	means, near []string // what the processes' means are taken from, and whose lengthscales theirs are expected near
	results     *results // nil before its first use
}

// surrogate is the process of one objective or constraint.
type surrogate struct {
	*gp.Regression
	drawn  *gp.Process // conditioned on the acquisition's draws
	values [][]float64 // `[S][q]` the draws
	of     int         // constraint: its place in the spec
	limit  float64     // constraint: satisfied up to this, in the process's units
	slack  float64     // constraint: variance of the limit
}

// newModel fits the processes. More than maxVolumes objectives are combined into one:
// the greatest of the weighted values plus a little of their sum, with weights that
// each trial draws anew (Knowles 2006, ParEGO, eq. 2). The models of trusted experts are
// candidates for the means of the same metric's; its lengthscales are expected near those of
// the first similar expert that has the metric.
func newModel(rng *rand.Rand, r Request, s *space.Cube, t training, trusted, similar []expert) (*model, error) {
	m := &model{training: t}
	if len(r.Spec.Metrics) > maxVolumes {
		m.values = scalarised(rng, t.values)
	}
	kinds := s.Categorical()
	fit := func(rows [][]float64, k int, candidates, similar []trend, options gp.Options) (surrogate, error) {
		data := gp.Data{Categorical: kinds}
		for i, row := range rows {
			if !math.IsNaN(row[k]) {
				data.X, data.Y, data.Weight = append(data.X, t.x[i]), append(data.Y, row[k]), append(data.Weight, t.weight[i])
			}
		}
		options.Exact = r.Exact
		for _, c := range candidates {
			options.Trends = append(options.Trends, c.Trend)
		}
		if len(similar) > 0 {
			options.Similar = similar[0].Process
		}
		fitted, err := gp.Regress(data, options)
		if err == nil && len(similar) > 0 {
			m.near = append(m.near, similar[0].name)
		}
		if err == nil && fitted.Trend >= 0 {
			m.means = append(m.means, candidates[fitted.Trend].name)
		}
		return surrogate{Regression: fitted}, err
	}
	n := len(m.values[0])
	worst := m.worst()
	for k := range n {
		f, err := fit(m.values, k, objectiveTrends(trusted, r.Spec, k), objectiveTrends(similar, r.Spec, k), gp.Options{Volumes: n > 1, Straight: worst[k]})
		if err != nil {
			return nil, err
		}
		m.noisy = m.noisy || f.Hyper.Noise > noiseFloor && !r.Exact
		m.objectives = append(m.objectives, f)
	}
	limits := analysis.NewLimits(r.Spec, r.Ledger)
	for c := range r.Spec.Constraints {
		limit, ok := limits.Limit(c)
		if !ok {
			continue // it has no results yet
		}
		of := r.Spec.Constraints[c]
		f, err := fit(t.excess, c, constraintTrends(trusted, of), constraintTrends(similar, of), gp.Options{Constraint: true})
		if err != nil {
			continue // it has too few results
		}
		f.of, f.limit = c, f.To(0)
		slope := f.Warp.Slope(0) / f.Scale
		f.slack = limit.StdDev * limit.StdDev * slope * slope
		m.constraints = append(m.constraints, f)
	}
	return m, nil
}

// worst are the worst values on the front, `[m]`.
func (m *model) worst() []float64 {
	var good [][]float64
	for i, row := range m.values {
		if m.feasible(i) {
			good = append(good, row)
		}
	}
	worst := make([]float64, len(m.values[0]))
	for k := range worst {
		worst[k] = math.Inf(-1)
		for _, i := range analysis.NonDominated(good) {
			worst[k] = math.Max(worst[k], good[i][k])
		}
	}
	return worst
}

// scalarised combines the values of each row into one.
func scalarised(rng *rand.Rand, values [][]float64) [][]float64 {
	n := len(values[0])
	weights, low, high := make([]float64, n), slices.Clone(values[0]), slices.Clone(values[0])
	var total float64
	for k := range weights {
		weights[k] = rng.ExpFloat64()
		total += weights[k]
		for _, row := range values {
			low[k], high[k] = math.Min(low[k], row[k]), math.Max(high[k], row[k])
		}
	}
	out := make([][]float64, len(values))
	for i, row := range values {
		var most, sum float64
		for k, v := range row {
			if high[k] > low[k] {
				w := weights[k] / total * (v - low[k]) / (high[k] - low[k])
				most, sum = math.Max(most, w), sum+w
			}
		}
		out[i] = []float64{most + 0.05*sum}
	}
	return out
}

// results are the finished trials as the acquisition uses them.
type results struct {
	best      []place     // the front of the feasible ones; of one objective all of them, best first
	fixed     [][]float64 // objectives of best, where they are known without noise
	reference []float64   // reference point
	elite     [][]float64 // points near which candidates are drawn
	noisy     int         // how many of best are drawn jointly
}

// place is a point and its objectives in the processes' units; where there is noise
// these are the models' means.
type place struct{ u, f []float64 }

// acquisition prepares the acquisition, and returns the elite points, near which
// candidates are drawn.
func (m *model) acquisition(rng *rand.Rand, r Request, s *space.Cube) (a *acquisition, elite [][]float64, err error) {
	if m.results == nil {
		m.results = m.evaluate(s)
	}
	var points [][]float64
	for _, a := range r.Pending {
		if u, ok := s.Point(a.Params); ok {
			points = append(points, u)
		}
	}
	pending := len(points)
	for _, p := range m.results.best[:m.results.noisy] {
		points = append(points, p.u)
	}
	for {
		a, err = newAcquisition(rng, m.objectives, m.constraints, points, m.results.fixed, m.results.reference)
		if err == nil || len(points) == 0 {
			return a, m.results.elite, err
		}
		points = points[:min(pending, len(points)/2)] // some points are too near each other for a Cholesky factor
	}
}

// evaluate returns the results, which do not depend on pending trials.
func (m *model) evaluate(s *space.Cube) *results {
	n := len(m.objectives)
	var good, all []place
	var work gp.Workspace
	nothing := math.Inf(-1)
	for i, u := range m.x {
		p := place{u: u, f: make([]float64, n)}
		for k, o := range m.objectives {
			p.f[k] = o.To(m.values[i][k])
			if m.noisy {
				p.f[k] = o.Mean(u, &work)
			}
		}
		nothing = math.Max(nothing, p.f[0]+worstExpected)
		all = append(all, p)
		if m.feasible(i) {
			good = append(good, p)
		}
	}
	byFirst := func(a, b place) int { return cmp.Compare(a.f[0], b.f[0]) }
	slices.SortStableFunc(good, byFirst)
	slices.SortStableFunc(all, byFirst)
	e := &results{best: good, reference: []float64{nothing}}
	noisy, near := noisyOne, eliteOne
	if n > 1 {
		e.best = thinned(front(good), maxBoxes>>(n-2))
		e.reference = m.nadir(s, all, e.best)
		noisy, near = noisySeveral, eliteSeveral
	}
	if m.noisy {
		e.noisy = min(len(e.best), noisy)
	} else {
		for _, p := range e.best {
			e.fixed = append(e.fixed, p.f)
		}
	}
	nearest := e.best
	if len(nearest) == 0 {
		nearest = all
	}
	for _, p := range nearest[:min(len(nearest), near)] {
		e.elite = append(e.elite, p.u)
	}
	return e
}

// front returns the places that no other dominates, in their order; of equal ones the
// first.
func front(places []place) []place {
	values := make([][]float64, len(places))
	for i, p := range places {
		values[i] = p.f
	}
	var list []place
	for _, i := range analysis.NonDominated(values) {
		if !slices.ContainsFunc(list, func(o place) bool { return slices.Equal(o.f, places[i].f) }) {
			list = append(list, places[i])
		}
	}
	return list
}

// thinned keeps at most limit places: the best by each objective, then repeatedly the
// one farthest from those kept.
func thinned(places []place, limit int) []place {
	if len(places) <= limit {
		return places
	}
	kept := make([]bool, len(places))
	distance := make([]float64, len(places))
	for i := range distance {
		distance[i] = math.Inf(1)
	}
	keep := func(at int) {
		kept[at] = true
		for i, p := range places {
			var sum float64
			for k, f := range p.f {
				sum += (f - places[at].f[k]) * (f - places[at].f[k])
			}
			distance[i] = math.Min(distance[i], sum)
		}
	}
	for k := range places[0].f {
		best := 0
		for i, p := range places {
			if p.f[k] < places[best].f[k] {
				best = i
			}
		}
		keep(best)
	}
	for range limit - len(places[0].f) {
		farthest := 0
		for i, d := range distance {
			if d > distance[farthest] {
				farthest = i
			}
		}
		keep(farthest)
	}
	var list []place
	for i, p := range places {
		if kept[i] {
			list = append(list, p)
		}
	}
	return list
}

// nadir returns the reference point of hypervolumes, `[m]` in the processes' units: a
// tenth of the range, or what noise may hide, beyond the worst values on the front
// found so far and at the ends of the expected front. The end for objective k is where
// mean_k - sd_k + 0.05 sum mean is least and the constraints are likely to be
// satisfied.
//
// Without the expected ends the search would never go to an end that the front does
// not have yet, since nothing beyond the reference counts. With the worst of all
// results as reference, points that are good in only one objective would count too
// much.
func (m *model) nadir(s *space.Cube, places, front []place) []float64 {
	places = slices.Clone(places)
	n := len(m.objectives)
	work := make([]gp.Workspace, n+len(m.constraints))
	low, high := make([]float64, n), make([]float64, n)
	for k := range n {
		low[k], high[k] = math.Inf(1), math.Inf(-1)
	}
	for k := range n {
		end := func(u, gradient []float64) float64 {
			clear(gradient)
			var value float64
			for i, o := range m.objectives {
				o.Predict(u, 1, &work[i])
				weight, sd, bySD := -0.05, math.Sqrt(work[i].Var), 0.0
				if i == k {
					weight, bySD = weight-1, hopeful
				}
				value += weight*work[i].Mean[0] + bySD*sd
				if gradient != nil {
					o.Gradient(&work[i], []float64{weight}, bySD/(2*sd), gradient)
				}
			}
			for c, f := range m.constraints {
				w := &work[n+c]
				f.Predict(u, 1, w)
				sd := math.Sqrt(w.Var + f.slack + 1e-4)
				log, slope := gp.LogCDF((f.limit - w.Mean[0]) / sd)
				value += log
				if gradient != nil {
					f.Gradient(w, []float64{-slope / sd}, 0, gradient)
				}
			}
			return value
		}
		best, most := places[0].u, math.Inf(-1)
		try := func(u []float64) {
			if v := end(u, nil); v > most {
				best, most = u, v
			}
		}
		slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.f[k], b.f[k]) })
		for _, p := range places[:min(len(places), shortlisted)] {
			try(p.u)
		}
		for _, p := range front {
			try(p.u)
		}
		for _, u := range s.Along(best, lookAlong) { // the end may be outside of the basin of the best
			try(u)
		}
		lowest, highest := s.Ranges(best)
		at, _ := gp.Climb(end, best, lowest, highest, climbSteps)
		for j, o := range m.objectives {
			mean, _ := o.Posterior(at)
			low[j], high[j] = math.Min(low[j], mean), math.Max(high[j], mean)
		}
	}
	for k := range n {
		for _, p := range front {
			high[k] = math.Max(high[k], p.f[k])
		}
		high[k] += math.Max(0.1*math.Max(high[k]-low[k], 0.1), beyondNoise*math.Sqrt(m.objectives[k].Hyper.Noise))
	}
	return high
}
