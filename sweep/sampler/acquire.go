package sampler

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep/gp"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	singleDraws  = 48 // joint draws of one objective
	severalDraws = 16 // of several
)

// acquisition is the value of a new trial as a function of its point u:
//
//	ln 1/S sum_j I_j(u) prod_c P(c_j(u) <= limit_c)
//
// Draw j is a joint draw of the noise-free results of the pending trials, and where
// there is noise of the best finished ones; the models are conditioned on it. I_j is
// the expected improvement on the best feasible value of draw j (Letham et al. 2019,
// with the logarithm of Ament et al. 2023), with several objectives the expected
// hypervolume improvement on its front (Daulton et al. 2021).
type acquisition struct {
	surrogates []surrogate // of the m objectives, then of the constraints
	m          int
	best       []float64    // `[S]`, one objective
	regions    []*gp.Region // `[S]`, several
	used       int          // draws in use: all of them, fewer for the screening of raw points
	work       []gp.Workspace
	ehvi       gp.EHVIWorkspace
	logs       []float64
	partial    [][]float64 // `[surrogate][S]` derivatives by the means
	spread     [][]float64 // likewise by the standard deviations
}

// newAcquisition draws. points are the pending ones, and where there is noise the best
// finished ones; front is the known front of feasible observations, `[n][m]` in the
// processes' units; reference is its reference point.
func newAcquisition(rng *rand.Rand, objectives, constraints []surrogate, points [][]float64, front [][]float64, reference []float64) (*acquisition, error) {
	sets := singleDraws
	if len(objectives) > 1 {
		sets = severalDraws
	}
	if len(points) == 0 {
		sets = 1
	}
	all := slices.Concat(objectives, constraints)
	for i := range all {
		var err error
		if all[i].drawn, all[i].values, err = all[i].Draw(points, normals(rng, sets, len(points))); err != nil {
			return nil, err
		}
	}
	m, n := len(objectives), len(all)
	a := &acquisition{surrogates: all, m: m, used: sets, work: make([]gp.Workspace, n), logs: make([]float64, sets)}
	for j := range sets {
		fantasy := slices.Clone(front)
		for q := range points {
			f := make([]float64, m)
			for k := range f {
				f[k] = all[k].values[j][q]
			}
			if !slices.ContainsFunc(all[m:], func(c surrogate) bool { return !(c.values[j][q] <= c.limit) }) {
				fantasy = append(fantasy, f)
			}
		}
		if m > 1 {
			a.regions = append(a.regions, gp.NewRegion(fantasy, reference))
			continue
		}
		best := reference[0]
		for _, f := range fantasy {
			best = math.Min(best, f[0])
		}
		a.best = append(a.best, best)
	}
	for range n {
		a.partial, a.spread = append(a.partial, make([]float64, sets)), append(a.spread, make([]float64, sets))
	}
	return a, nil
}

// normals are antithetic pairs of standard normal vectors.
func normals(rng *rand.Rand, sets, n int) [][]float64 {
	z := make([][]float64, sets)
	for j := range z {
		z[j] = make([]float64, n)
		for i := range z[j] {
			if j%2 == 1 {
				z[j][i] = -z[j-1][i]
				continue
			}
			z[j][i] = rng.NormFloat64()
		}
	}
	return z
}

// least keeps the logarithm finite when an improvement underflows.
const least = 1e-290

// at returns the acquisition's value at u, and fills gradient unless it is nil.
func (a *acquisition) at(u, gradient []float64) float64 {
	m := a.m
	for i, s := range a.surrogates {
		s.drawn.Predict(u, a.used, &a.work[i])
	}
	var mean, sd, dMean, dSD [maxVolumes]float64
	for k := range m {
		sd[k] = math.Sqrt(a.work[k].Var)
	}
	top := math.Inf(-1)
	for j := range a.used {
		var log float64
		if m == 1 {
			log, a.partial[0][j], a.spread[0][j] = gp.LogEI(a.work[0].Mean[j], sd[0], a.best[j])
		} else {
			for k := range m {
				mean[k], dMean[k], dSD[k] = a.work[k].Mean[j], 0, 0
			}
			slopes, spreads := dMean[:m], dSD[:m]
			if gradient == nil {
				slopes, spreads = nil, nil
			}
			gain := a.regions[j].EHVI(mean[:m], sd[:m], slopes, spreads, &a.ehvi) + least
			log = math.Log(gain)
			for k := range m {
				a.partial[k][j], a.spread[k][j] = dMean[k]/gain, dSD[k]/gain
			}
		}
		for i := m; i < len(a.surrogates); i++ {
			s := math.Sqrt(a.work[i].Var + a.surrogates[i].slack)
			z := (a.surrogates[i].limit - a.work[i].Mean[j]) / s
			value, slope := gp.LogCDF(z)
			log += value
			a.partial[i][j], a.spread[i][j] = -slope/s, -slope*z/s*math.Sqrt(a.work[i].Var)/s
		}
		a.logs[j] = log
		top = math.Max(top, log)
	}
	if math.IsInf(top, 0) || math.IsNaN(top) {
		clear(gradient)
		return math.Inf(-1)
	}
	var sum float64
	for j, log := range a.logs[:a.used] {
		a.logs[j] = math.Exp(log - top)
		sum += a.logs[j]
	}
	if gradient != nil {
		clear(gradient)
		for i := range a.work {
			var variance float64
			for j, w := range a.logs {
				a.partial[i][j] *= w / sum
				variance += a.spread[i][j] * w / sum
			}
			variance /= 2 * math.Sqrt(a.work[i].Var)
			a.surrogates[i].drawn.Gradient(&a.work[i], a.partial[i], variance, gradient)
		}
	}
	return top + math.Log(sum/float64(a.used))
}

// candidate is a point and its acquisition value.
type candidate struct {
	u     []float64
	value float64
}

const (
	rawPoints   = 1000 // points evaluated first
	climbStarts = 8    // the best of them, from which it climbs
	climbSteps  = 40   // iterations of a climb
	screenDraws = 8    // draws used for raw points
)

// maximise returns points of high acquisition, best first. It evaluates random points
// and points near the elite ones, climbs from the best of them, and tries the other
// values of parameters that cannot be climbed.
func (a *acquisition) maximise(rng *rand.Rand, s *space.Cube, elite [][]float64) []candidate {
	smooth := s.Smooth()
	pool := make([]candidate, 0, rawPoints)
	all := a.used
	a.used = min(all, screenDraws)
	for i := range rawPoints {
		var u []float64
		if i%2 == 0 || len(elite) == 0 {
			u = s.Draw(rng)
		} else {
			u = s.Near(rng, elite[rng.IntN(len(elite))], math.Pow(10, -0.5-2.5*rng.Float64()))
		}
		if !smooth {
			u = s.Snap(u)
		}
		pool = append(pool, candidate{u: u, value: a.at(u, nil)})
	}
	byValue(pool)
	a.used = all
	var found []candidate
	for _, c := range pool[:min(climbStarts, len(pool))] {
		c.value = a.at(c.u, nil)
		found = append(found, c)
		for range 3 {
			low, high := s.Ranges(c.u)
			u, _ := gp.Climb(a.at, c.u, low, high, climbSteps)
			if !smooth {
				u = s.Snap(u)
			}
			next := candidate{u: u, value: a.at(u, nil)}
			if next.value < c.value {
				next = c
			}
			found = append(found, next)
			better := false
			for _, u := range s.Neighbours(next.u) {
				n := candidate{u: u, value: a.at(u, nil)}
				found = append(found, n)
				if n.value > next.value {
					next, better = n, true
				}
			}
			c = next
			if !better {
				break
			}
		}
	}
	byValue(found)
	return append(found, pool...)
}

func byValue(list []candidate) {
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
}
