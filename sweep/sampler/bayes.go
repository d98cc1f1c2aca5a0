package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/gp"
)

const (
	bayesStart      = 4    // results before the model takes over; waiting for ten was worse
	bayesCandidates = 1000 // random points that the acquisition is evaluated at
	bayesRefined    = 5    // of them that are then improved
	bayesSteps      = 40   // random steps of each, of shrinking width
	bayesMaxPoints  = 300  // the newest results that the model is fitted on
)

// bayes is Gaussian-process search by log expected improvement on the first
// metric.
//
// A completed trial is an observation. A diverged one is an observation as bad
// as the worst completed one, so that the search leaves the region. Failed and
// cancelled trials say nothing about the point and are left out; they only are
// not suggested again. A pending trial is taken to give the model's mean there,
// which makes a second trial near it unattractive. The value to improve on is
// the lowest posterior mean at an observed point, not the lowest observation,
// which noise favours.
type bayes struct{}

func (bayes) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	rng, seen, s := stream(r), tried(r), newSpace(r.Spec)
	reason := sweep.Reason{Sampler: string(sweep.MethodBayes)}
	m, ok := newModel(r, s)
	if !ok {
		reason.Note = "fewer than " + strconv.Itoa(bayesStart) + " results that differ: random"
		params, err := s.untried(rng, seen)
		return params, reason, err
	}
	best, found := m.search(rng, s, seen)
	if !found {
		reason.Note = "no untried point among the candidates: random"
		params, err := s.untried(rng, seen)
		return params, reason, err
	}
	mean, sd := m.process.Posterior(best.u)
	reason.Acquisition = best.value
	reason.Posterior = map[string]sweep.Estimate{r.Spec.Metrics[0].Name: {Mean: m.sign * (m.centre + m.scale*mean), StdDev: m.scale * sd}}
	reason.Hyper = map[string]float64{"signal": m.process.Hyper.Signal, "noise": m.process.Hyper.Noise}
	for k, p := range s.order {
		reason.Hyper["length."+p.Name] = m.process.Hyper.Length[k]
	}
	return s.params(best.u), reason, nil
}

// model is the process over standardised observations y = (sign f - centre)/scale.
type model struct {
	process   *gp.Process
	sign      float64 // -1 when the metric is maximised
	centre    float64
	scale     float64
	incumbent float64 // lowest posterior mean at an observed point
	elite     [][]float64
}

// newModel fits the model; ok is false when there are too few results, or none
// that differ.
func newModel(r Request, s *space) (m *model, ok bool) {
	m = &model{sign: 1}
	metric := r.Spec.Metrics[0]
	if metric.Goal == sweep.Maximize {
		m.sign = -1
	}
	var x [][]float64
	var y []float64
	var diverged [][]float64
	for _, t := range r.Ledger {
		u, of := s.point(t.Params)
		if !of {
			continue
		}
		f, has := t.Metric(metric.Name)
		switch {
		case has:
			x, y = append(x, u), append(y, m.sign*f)
		case t.Status == sweep.StatusDiverged:
			diverged = append(diverged, u)
		}
	}
	if len(y) < bayesStart {
		return nil, false
	}
	worst := slices.Max(y)
	for _, u := range diverged {
		x, y = append(x, u), append(y, worst)
	}
	if len(y) > bayesMaxPoints {
		x, y = x[len(x)-bayesMaxPoints:], y[len(y)-bayesMaxPoints:]
	}
	m.centre, m.scale = stat.MeanStdDev(y, nil)
	if m.scale == 0 || math.IsNaN(m.scale) {
		return nil, false
	}
	for i := range y {
		y[i] = (y[i] - m.centre) / m.scale
	}
	process, err := gp.Fit(x, y, s.categorical())
	if err != nil {
		return nil, false
	}
	observed := len(x)
	for _, a := range r.Pending {
		if u, of := s.point(a.Params); of {
			mean, _ := process.Posterior(u)
			x, y = append(x, u), append(y, mean)
		}
	}
	if m.process, err = gp.Condition(x, y, s.categorical(), process.Hyper); err != nil {
		return nil, false
	}
	means := make([]float64, observed)
	order := make([]int, observed)
	for i := range means {
		means[i], _ = m.process.Posterior(x[i])
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case means[a] < means[b]:
			return -1
		case means[a] > means[b]:
			return 1
		}
		return 0
	})
	m.incumbent = means[order[0]]
	for _, i := range order[:min(bayesRefined, observed)] {
		m.elite = append(m.elite, x[i])
	}
	return m, true
}

// candidate is a point and its acquisition value.
type candidate struct {
	u     []float64
	value float64
}

// search maximises the acquisition over untried points: random ones and the best
// observed ones first, then random steps of shrinking width from the best few.
func (m *model) search(rng *rand.Rand, s *space, seen map[string]bool) (best candidate, found bool) {
	// score moves u onto a point of the space, an integer's or a step's middle.
	score := func(u []float64) (candidate, bool) {
		params := s.params(u)
		at, of := s.point(params)
		if !of {
			return candidate{}, false
		}
		mean, sd := m.process.Posterior(at)
		c := candidate{u: at, value: gp.LogEI(mean, sd, m.incumbent)}
		return c, !seen[params.Key()] && !math.IsNaN(c.value)
	}
	var pool []candidate
	for range bayesCandidates {
		if c, ok := score(s.draw(rng)); ok {
			pool = append(pool, c)
		}
	}
	slices.SortStableFunc(pool, func(a, b candidate) int {
		switch {
		case a.value > b.value:
			return -1
		case a.value < b.value:
			return 1
		}
		return 0
	})
	pool = slices.Clone(pool[:min(bayesRefined, len(pool))])
	for _, u := range m.elite {
		pool = append(pool, candidate{u: u, value: math.Inf(-1)})
	}
	for _, c := range pool {
		if !math.IsInf(c.value, -1) && (!found || c.value > best.value) {
			best, found = c, true
		}
		width := 0.2
		for range bayesSteps {
			next, ok := score(s.step(rng, c.u, width))
			if ok && next.value > c.value {
				c = next
			} else {
				width = math.Max(width*0.9, 1e-3)
			}
		}
		if !math.IsInf(c.value, -1) && (!found || c.value > best.value) {
			best, found = c, true
		}
	}
	return best, found
}

// step moves one to all coordinates of u by about width; now and then a word
// changes, a zero is taken or left.
func (s *space) step(rng *rand.Rand, u []float64, width float64) []float64 {
	next := slices.Clone(u)
	fresh := s.draw(rng)
	only := rng.IntN(len(u) + 1) // len(u): all of them
	for k, p := range s.order {
		move, coin := rng.NormFloat64()*width, rng.Float64()
		if only != len(u) && only != k && u[k] >= 0 {
			continue
		}
		switch {
		case p.Distribution == sweep.DistCategorical:
			if coin < 0.5 || u[k] < 0 {
				next[k] = fresh[k]
			}
		case p.Zero > 0 && coin < 0.2, p.Zero > 0 && u[k] < gap/2:
			next[k] = fresh[k]
		default:
			low := 0.0
			if p.Zero > 0 {
				low = gap
			}
			next[k] = clamp(u[k]+move, low, 1)
		}
	}
	return next
}
