package sampler

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep/space"
)

// parzen is a kernel density over the unit cube:
//
//	p(u) = sum_i w_i prod_k K_k(u_k | u_ik),   sum_i w_i = 1
//
// The kernels lie at observed points u_i; the last one is wide and is the prior. For
// one coordinate K_k is
//
//	range       a normal density of mean u_ik and deviation h_k, cut off at the range's
//	            ends; integers and steps lie at the middle of their intervals
//	categories  1 - (c-1) b on u_ik and b = 1/(n+c) on each other of c categories, n
//	            points (Aitchison and Aitken 1976)
//	exact zero  the same on the categories "zero" and "not zero", times the range's
//	            density where neither is zero
//	absent      1 where u_k is absent, and the prior where only u_ik is: a point without
//	            the parameter says nothing about its value
//
// The prior is the distribution of Cube.Draw, uniform over ranges and categories.
type parzen struct {
	space  *space.Cube
	axes   []space.Axis
	points [][]float64 // `[n d]`, NaN for absent
	logs   []float64   // ln w_i, `[n+1]`
	totals []float64   // running sums of w_i, `[n+1]`
	width  []float64   // h_k, `[d]`
	norms  [][]float64 // ln of the normal density's constant, `[n d]`
}

// newParzen returns the density of points. There is one more weight than points; the
// last is the prior's. width is the factor of parzenWidth.
func newParzen(s *space.Cube, points [][]float64, weights []float64, width float64) *parzen {
	p := &parzen{space: s, axes: s.Axes(), points: points}
	for k := range p.axes {
		p.width = append(p.width, parzenWidth(p.axes, points, k, width))
	}
	var total float64
	for _, w := range weights {
		total += w
	}
	var sum float64
	for _, w := range weights {
		sum += w / total
		p.logs, p.totals = append(p.logs, math.Log(w/total)), append(p.totals, sum)
	}
	for _, u := range points {
		norm := make([]float64, len(u))
		for k, a := range p.axes {
			h := p.width[k] * math.Sqrt2
			inside := (math.Erf((1-u[k])/h) - math.Erf((a.Low-u[k])/h)) / 2
			norm[k] = -math.Log(p.width[k] * math.Sqrt(2*math.Pi) * inside)
		}
		p.norms = append(p.norms, norm)
	}
	return p
}

// parzenWidth is Scott's rule for the deviation of coordinate k,
//
//	h_k = factor sd_k n^(-1/(d+4)),   sd_k the points' standard deviation,
//
// at least 1/(1.5 n + 1) and 1/100 of the range (similar to the magic clip of Bergstra
// 2011), and at least half an interval of integers and steps; at most the range.
func parzenWidth(axes []space.Axis, points [][]float64, k int, factor float64) float64 {
	d := 0.0
	for _, a := range axes {
		if !a.Fixed {
			d++
		}
	}
	a, n := axes[k], float64(len(points))
	var m mean
	var squares float64
	for _, u := range points {
		if !math.IsNaN(u[k]) && !a.IsZero(u[k]) {
			delta := u[k] - m.value
			m.add(u[k])
			squares += delta * (u[k] - m.value)
		}
	}
	h := factor * math.Sqrt(squares/math.Max(float64(m.n), 1)) * math.Pow(math.Max(n, 1), -1/(d+4))
	span := 1 - a.Low
	h = math.Max(h, math.Max(span/100, span/(1.5*n+1)))
	if a.Cells > 0 {
		h = math.Max(h, span/float64(a.Cells)/2)
	}
	return math.Min(h, span)
}

// log is ln p(u).
func (p *parzen) log(u []float64) float64 {
	prior := make([]float64, len(u)) // density of the prior by coordinate
	for k, a := range p.axes {
		prior[k] = priorAt(a, u[k])
	}
	n := len(p.points)
	terms := make([]float64, n+1)
	terms[n] = p.logs[n]
	for _, f := range prior {
		terms[n] += f
	}
	same := func(c int) float64 { return math.Log1p(-float64(c-1) / float64(n+c)) }
	other := func(c int) float64 { return -math.Log(float64(n + c)) }
	for k, a := range p.axes {
		if a.Fixed || math.IsNaN(u[k]) {
			continue
		}
		scale := 1 / p.width[k]
		for i, at := range p.points {
			switch {
			case math.IsNaN(at[k]):
				terms[i] += prior[k]
			case a.Categories > 0 && at[k] == u[k]:
				terms[i] += same(a.Categories)
			case a.Categories > 0:
				terms[i] += other(a.Categories)
			case a.IsZero(at[k]) && a.IsZero(u[k]):
				terms[i] += same(2)
			case a.IsZero(at[k]):
				terms[i] += other(2) - math.Log(1-a.Low)
			case a.IsZero(u[k]):
				terms[i] += other(2)
			default:
				z := (u[k] - at[k]) * scale
				terms[i] += p.norms[i][k] - z*z/2
				if a.Zero > 0 {
					terms[i] += same(2)
				}
			}
		}
	}
	for i := range p.points {
		terms[i] += p.logs[i]
	}
	highest := slices.Max(terms)
	var sum float64
	for _, t := range terms {
		sum += math.Exp(t - highest)
	}
	return highest + math.Log(sum)
}

// priorAt is the logarithm of the prior's density at u, 0 where it is absent.
func priorAt(a space.Axis, u float64) float64 {
	switch {
	case a.Fixed || math.IsNaN(u):
		return 0
	case a.Categories > 0:
		return -math.Log(float64(a.Categories))
	case a.IsZero(u):
		return math.Log(a.Zero)
	}
	return math.Log((1 - a.Zero) / (1 - a.Low))
}

// draw returns a random point of the density.
func (p *parzen) draw(rng *rand.Rand) []float64 {
	u := p.space.Draw(rng)
	n := len(p.points)
	i, _ := slices.BinarySearch(p.totals[:n], rng.Float64())
	for k, a := range p.axes {
		coin, other := rng.Float64(), rng.Float64()
		if i == n || a.Fixed || math.IsNaN(p.points[i][k]) {
			continue
		}
		at := p.points[i][k]
		switch {
		case a.Categories > 0:
			if coin < 1/float64(n+a.Categories)*float64(a.Categories-1) { // another category
				u[k] = math.Mod(at+1+math.Floor(other*float64(a.Categories-1)), float64(a.Categories))
			} else {
				u[k] = at
			}
		case a.IsZero(at):
			if coin < 1/float64(n+2) {
				u[k] = a.Low + other*(1-a.Low)
			} else {
				u[k] = 0
			}
		case a.Zero > 0 && coin < 1/float64(n+2):
			u[k] = 0
		default:
			u[k] = cutNormal(rng, at, p.width[k], a.Low)
		}
	}
	return u
}

// cutNormal draws from a normal distribution cut off at low and 1.
func cutNormal(rng *rand.Rand, mean, sd, low float64) float64 {
	for range 100 {
		if x := mean + sd*rng.NormFloat64(); x >= low && x <= 1 {
			return x
		}
	}
	return clamp(mean, low, 1)
}
