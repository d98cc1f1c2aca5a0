package sampler

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/tailsweep/tailsweep/sweep/space"
)

// evolution is the state of CMA-ES: a normal distribution N(m, sigma^2 C) over the n
// coordinates that are ranges, and a discrete distribution for every parameter with
// categories or an exact zero. Equations and default constants (Table 1) are those of
// N. Hansen, The CMA evolution strategy: a tutorial, arXiv 1604.00772, negative
// weights included.
type evolution struct {
	axes   []space.Axis
	ranges []int // coordinates that the normal distribution is over
	lambda int   // size of a generation

	mean   []float64 // m, `[n]`
	sigma  float64
	c      *mat.SymDense // C, `[n n]`
	path   []float64     // p_c, `[n]`
	step   []float64     // p_sigma, `[n]`
	basis  *mat.Dense    // B, eigenvectors of C in columns
	scale  []float64     // D, roots of C's eigenvalues
	shares [][]float64   // `[d]`: nil, the probabilities of categories, or of zero and not zero

	generation int
	constants
}

// constants follow from n and lambda: Table 1 of the tutorial, in its names.
type constants struct {
	weights                       []float64 // w_i, the best first; negative for the worse half
	mueff, cs, ds, cc, c1, cmu, e float64   // e = E||N(0, I)||
}

func newConstants(n, lambda int) constants {
	var k constants
	d := float64(n)
	var up, up2, down, down2 float64
	for i := range lambda {
		w := math.Log(float64(lambda+1)/2) - math.Log(float64(i+1))
		k.weights = append(k.weights, w)
		if w >= 0 {
			up, up2 = up+w, up2+w*w
		} else {
			down, down2 = down-w, down2+w*w
		}
	}
	k.mueff = up * up / up2
	k.cs = (k.mueff + 2) / (d + k.mueff + 5)
	k.ds = 1 + 2*math.Max(0, math.Sqrt((k.mueff-1)/(d+1))-1) + k.cs
	k.cc = (4 + k.mueff/d) / (d + 4 + 2*k.mueff/d)
	k.c1 = 2 / ((d+1.3)*(d+1.3) + k.mueff)
	k.cmu = math.Min(1-k.c1, 2*(0.25+k.mueff+1/k.mueff-2)/((d+2)*(d+2)+k.mueff))
	k.e = math.Sqrt(d) * (1 - 1/(4*d) + 1/(21*d*d))
	total := math.Min(1+k.c1/k.cmu, math.Min(1+2*(down*down/down2)/(down*down/down2+2), (1-k.c1-k.cmu)/(d*k.cmu)))
	for i, w := range k.weights {
		if w >= 0 {
			k.weights[i] = w / up
		} else {
			k.weights[i] = w / down * total
		}
	}
	return k
}

// newEvolution starts at mean with deviation sigma in every direction, and with the
// discrete distributions of the space.
func newEvolution(s *space.Cube, lambda int, mean []float64, sigma float64) *evolution {
	e := &evolution{axes: s.Axes(), lambda: lambda, sigma: sigma, shares: make([][]float64, len(s.Order))}
	for k, a := range e.axes {
		switch {
		case a.Fixed:
			continue
		case a.Categories > 0:
			e.shares[k] = make([]float64, a.Categories)
			for j := range e.shares[k] {
				e.shares[k][j] = 1 / float64(a.Categories)
			}
			continue
		case a.Zero > 0:
			e.shares[k] = []float64{a.Zero, 1 - a.Zero}
		}
		e.ranges = append(e.ranges, k)
		e.mean = append(e.mean, mean[k])
	}
	if n := len(e.ranges); n > 0 {
		e.constants = newConstants(n, lambda)
		e.path, e.step = make([]float64, n), make([]float64, n)
		e.c = mat.NewSymDense(n, nil)
		for k := range n {
			e.c.SetSym(k, k, 1)
		}
		e.decompose()
	}
	return e
}

// decompose finds B and D with C = B D^2 B^T; ok is false when C is not a covariance
// matrix any more.
func (e *evolution) decompose() (ok bool) {
	var eigen mat.EigenSym
	if !eigen.Factorize(e.c, true) {
		return false
	}
	e.scale = eigen.Values(nil)
	e.basis = new(mat.Dense)
	eigen.VectorsTo(e.basis)
	for k, v := range e.scale {
		if !(v > 0) || math.IsInf(v, 0) {
			return false
		}
		e.scale[k] = math.Sqrt(v)
	}
	return e.scale[len(e.scale)-1] < 1e7*e.scale[0]
}

// normal is m + sigma B D z.
func (e *evolution) normal(z []float64) []float64 {
	x := make([]float64, len(z))
	for i := range x {
		for j := range z {
			x[i] += e.basis.At(i, j) * e.scale[j] * z[j]
		}
		x[i] = e.mean[i] + e.sigma*x[i]
	}
	return x
}

// whiten is C^(-1/2) y = B D^-1 B^T y.
func (e *evolution) whiten(y []float64) []float64 {
	n := len(y)
	white := make([]float64, n)
	for j := range n {
		var along float64
		for i := range n {
			along += e.basis.At(i, j) * y[i]
		}
		along /= e.scale[j]
		for i := range n {
			white[i] += e.basis.At(i, j) * along
		}
	}
	return white
}

// update applies a generation, the best point first; points are the coordinates of the
// ranges. A point that is farther away than the distribution makes likely is moved
// towards the mean until
//
//	||C^(-1/2) (x - m)|| / sigma <= sqrt(n) + 2 n / (n + 2)
//
// (Hansen 2011, Injecting external solutions into CMA-ES, arXiv 1110.4181), since it
// may come from an earlier distribution, a Sobol sequence or the baseline. ok is false
// when the distribution has degenerated.
func (e *evolution) update(points [][]float64) (ok bool) {
	n := len(e.ranges)
	e.generation++
	d := float64(n)
	y, lengths := make([][]float64, len(points)), make([]float64, len(points))
	shift := make([]float64, n) // <y>_w
	for i, x := range points {
		y[i] = make([]float64, n)
		for k := range x {
			y[i][k] = (x[k] - e.mean[k]) / e.sigma
		}
		length := norm(e.whiten(y[i]))
		most := math.Sqrt(d) + 2*d/(d+2)
		if length > most {
			for k := range y[i] {
				y[i][k] *= most / length
			}
			length = most
		}
		lengths[i] = length
		for k := range shift {
			shift[k] += math.Max(e.weights[i], 0) * y[i][k]
		}
	}
	white := e.whiten(shift)
	for k := range n {
		e.mean[k] = clamp(e.mean[k]+e.sigma*shift[k], e.axes[e.ranges[k]].Low, 1)
		e.step[k] = (1-e.cs)*e.step[k] + math.Sqrt(e.cs*(2-e.cs)*e.mueff)*white[k]
	}
	stalled := norm(e.step)/math.Sqrt(1-math.Pow(1-e.cs, 2*float64(e.generation+1))) >= (1.4+2/(d+1))*e.e
	h := 1.0
	if stalled {
		h = 0
	}
	for k := range n {
		e.path[k] = (1-e.cc)*e.path[k] + h*math.Sqrt(e.cc*(2-e.cc)*e.mueff)*shift[k]
	}
	keep := 1 + e.c1*(1-h)*e.cc*(2-e.cc) - e.c1
	for _, w := range e.weights {
		keep -= e.cmu * w
	}
	for a := range n {
		for b := a; b < n; b++ {
			v := keep*e.c.At(a, b) + e.c1*e.path[a]*e.path[b]
			for i := range y {
				w := e.weights[i]
				if w < 0 {
					w *= d / math.Max(lengths[i]*lengths[i], 1e-12)
				}
				v += e.cmu * w * y[i][a] * y[i][b]
			}
			e.c.SetSym(a, b, v)
		}
	}
	e.sigma *= math.Exp(math.Min(1, e.cs/e.ds*(norm(e.step)/e.e-1)))
	if !e.decompose() {
		return false
	}
	e.sigma = math.Min(e.sigma, 1/e.scale[n-1]) // not wider than the cube
	return true
}

// learn moves the probabilities of coordinate k towards the choices of the better half
// of a generation: chosen has an index, or -1 for a point without one. Each of c
// probabilities stays above 1/(lambda c), so that every choice remains possible (a
// margin as in Hamano et al. 2024, CatCMA, arXiv 2405.09962, where it does not depend
// on lambda).
func (e *evolution) learn(k int, chosen []int) {
	shares := e.shares[k]
	c := float64(len(shares))
	rate, least := 1/(1+c), 1/(float64(e.lambda)*c)
	weights := e.weights
	if weights == nil {
		weights = newConstants(1, e.lambda).weights
	}
	next, total := make([]float64, len(shares)), 0.0
	for i, j := range chosen {
		if w := math.Max(weights[i], 0); j >= 0 {
			next[j] += w
			total += w
		}
	}
	if total == 0 {
		return
	}
	var sum float64
	for j := range shares {
		shares[j] = math.Max((1-rate)*shares[j]+rate*next[j]/total, least)
		sum += shares[j]
	}
	for j := range shares {
		shares[j] /= sum
	}
}

func norm(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}
