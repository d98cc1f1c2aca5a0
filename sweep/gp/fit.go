package gp

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/optimize"
)

// normal is a normal prior.
type normal struct{ mean, sd float64 }

// newPrior is the prior of the hyper-parameters of a process in d dimensions with
// standardised observations, in the layout of the optimiser:
//
//	theta = (ln l_1 ... ln l_d, ln s2, ln v, logit a)
//
// Without the last a is 0. Its lengthscales are much shorter than those of Hvarfner et
// al. 2024, with which the geometric mean of the regret was three times as high.
func newPrior(d int) []normal {
	lengths := slices.Repeat([]normal{{-0.9 + 0.5*math.Log(float64(d)), 0.75}}, d)
	return append(lengths, normal{0, 1}, normal{-7, 2.5}, normal{-1, 1.5})
}

const (
	nearSD    = 0.4 // expected deviation of ln l_k from that of a similar process, without observations
	nearFades = 20  // observations after which its variance has doubled
)

// near multiplies the prior's densities of ln l_k by normal ones whose means are those of a
// similar process. Their variance grows with the number n of observations, so that the
// prior returns to what it was.
func near(prior []normal, lengths []float64, n int) []normal {
	list := slices.Clone(prior)
	precision := 1 / (nearSD * nearSD * (1 + float64(n)/nearFades))
	for k, length := range lengths {
		p := prior[k]
		own := 1 / (p.sd * p.sd)
		list[k] = normal{(own*p.mean + precision*math.Log(length)) / (own + precision), 1 / math.Sqrt(own+precision)}
	}
	return list
}

// start is the prior's mean, with lengthscales and noise moved by shift standard
// deviations.
func start(prior []normal, d int, shift float64) []float64 {
	theta := make([]float64, len(prior))
	for i, p := range prior {
		theta[i] = p.mean
		if i < d || i == d+1 {
			theta[i] += shift * p.sd
		}
	}
	return theta
}

func hyper(theta []float64, d int) Hyper {
	h := Hyper{Length: make([]float64, d), Signal: math.Exp(theta[d]), Noise: math.Exp(theta[d+1])}
	for k := range d {
		h.Length[k] = math.Exp(theta[k])
	}
	if len(theta) > d+2 {
		h.Additive = 1 / (1 + math.Exp(-theta[d+2]))
	}
	return h
}

// maxLogHyper bounds |ln| of a hyper-parameter, far outside the priors, so that a
// large step of the line search does not overflow.
const maxLogHyper = 50

// reading is one version of the observations, warped and standardised, with -sum ln
// dt/dy of the warp, so that the densities of readings are comparable.
type reading struct {
	y        []float64
	jacobian float64
}

// fit returns the theta that maximises the posterior density of the observations
// (MAP), by L-BFGS from each start, the most likely of the readings there, and the
// negative logarithm of the density up to a constant. It stops when three iterations
// gain less than tolerance.
func fit(data Data, readings []reading, prior []normal, starts [][]float64, iterations []int, tolerance float64) (best []float64, which int, value float64) {
	o := newObjective(data, readings, prior)
	problem := optimize.Problem{Func: o.value, Grad: o.gradient}
	value = math.Inf(1)
	for i, start := range starts {
		settings := &optimize.Settings{MajorIterations: iterations[i], Converger: &optimize.FunctionConverge{Absolute: tolerance, Iterations: 3}}
		// gonum returns an error when the line search gives up near the optimum; the result is good.
		result, _ := optimize.Minimize(problem, start, settings, &optimize.LBFGS{})
		if result != nil && result.X != nil && result.F < value {
			best, value = result.X, result.F
		}
	}
	if best != nil {
		o.value(best)
		which = o.which
	}
	return best, which, value
}

// objective is the negative log posterior density of theta,
//
//	min_w (1/2 y_w' K^-1 y_w + jacobian_w) + 1/2 ln|K| + sum (theta - mean)^2 / 2 sd^2   (+ a constant),
//
// Rasmussen and Williams 2006, eq. 2.30 with the prior, +Inf where K has no Cholesky
// factor. The readings w share K, so that choosing among them costs little more than
// one. The optimiser asks for the value and then the gradient of one theta, so the
// last factor is kept.
type objective struct {
	data     Data
	readings []reading
	prior    []normal
	n, d     int
	squares  [][]float64 // (x_ik - x_jk)^2 of the pairs i < j, `[d][n(n-1)/2]`; 0 or 1 for categorical ones

	theta    []float64
	valid    bool // K has a factor
	hyper    Hyper
	factor   blas64.Triangular
	which    int       // the most likely reading
	fits     float64   // its part of the objective
	alpha    []float64 // K^-1 y of it
	half     []float64
	logDet   float64
	matrix   []float64 // K, then its factor, `[n n]`
	lower    []float64 // U'^-1, `[n n]`
	inverted []float64 // K^-1, `[n n]`

	// Of the kernel at theta, by pair.
	sum, value2, slope, singles []float64   // r^2; value and slope of all coordinates together; sum of the single ones
	slopes                      [][]float64 // `[d]` of the single ones
	weight                      []float64   // of dK/dtheta
}

func newObjective(data Data, readings []reading, prior []normal) *objective {
	n, d := len(data.X), len(data.Categorical)
	pairs := n * (n - 1) / 2
	vector := func(n int) []float64 { return make([]float64, n) }
	o := &objective{data: data, readings: readings, prior: prior, n: n, d: d, alpha: vector(n), half: vector(n), matrix: vector(n * n), lower: vector(n * n), inverted: vector(n * n),
		sum: vector(pairs), value2: vector(pairs), slope: vector(pairs), singles: vector(pairs), weight: vector(pairs)}
	for k := range d {
		squares := make([]float64, 0, pairs)
		for i, a := range data.X {
			for _, b := range data.X[i+1:] {
				difference := a[k] - b[k]
				if data.Categorical[k] && difference != 0 {
					difference = 1
				}
				squares = append(squares, difference*difference)
			}
		}
		o.squares = append(o.squares, squares)
		if len(prior) > d+2 {
			o.slopes = append(o.slopes, vector(pairs))
		}
	}
	return o
}

// at factors K of theta; o.valid is false where it has no factor.
func (o *objective) at(theta []float64) {
	if slices.Equal(o.theta, theta) {
		return
	}
	o.theta, o.valid = append(o.theta[:0], theta...), false
	for _, t := range theta {
		if !(math.Abs(t) <= maxLogHyper) {
			return
		}
	}
	h := hyper(theta, o.d)
	k := newKernel(h, o.data.Categorical)
	clear(o.sum)
	clear(o.singles)
	for c, w := range k.inverse {
		addScaled(o.sum, w*w, o.squares[c])
		if k.single > 0 {
			materns(o.value2, o.slopes[c], w*w, o.squares[c])
			addScaled(o.singles, 1, o.value2)
		}
	}
	materns(o.value2, o.slope, 1, o.sum)
	next := 0
	for i := range o.n {
		row := o.matrix[i*o.n : (i+1)*o.n]
		row[i] = h.Signal*(1+jitter) + o.data.noise(i, h.Noise)
		for j := i + 1; j < o.n; j++ {
			row[j] = k.product*o.value2[next] + k.single*o.singles[next]
			next++
		}
	}
	var positive bool
	o.factor, positive = lapack64.Potrf(blas64.Symmetric{N: o.n, Stride: o.n, Uplo: blas.Upper, Data: o.matrix})
	if !positive {
		return
	}
	o.logDet = 0
	for i := range o.n {
		o.logDet += 2 * math.Log(o.matrix[i*o.n+i])
	}
	o.fits = math.Inf(1)
	for w, r := range o.readings {
		copy(o.half, r.y)
		blas64.Trsv(blas.Trans, o.factor, blas64.Vector{N: o.n, Inc: 1, Data: o.half})
		if fits := 0.5*dot(o.half, o.half) + r.jacobian; fits < o.fits {
			o.which, o.fits = w, fits
			copy(o.alpha, o.half)
		}
	}
	if math.IsInf(o.fits, 1) {
		return // not finite, or not a number
	}
	blas64.Trsv(blas.NoTrans, o.factor, blas64.Vector{N: o.n, Inc: 1, Data: o.alpha})
	o.hyper, o.valid = h, true
}

// invert fills the upper half of inverted with K^-1 = sum_k l_k l_k', l_k the rows of
// U'^-1. LAPACK's dpotri does the same, but by columns, and at a hundred points it has
// no blocks to work with. Rows are added four at a time where possible.
func (o *objective) invert() {
	n := o.n
	clear(o.inverted)
	for k := range n {
		row := o.lower[k*n : k*n+k+1]
		clear(row)
		i := 0
		for ; i+4 <= k; i += 4 { // beyond the diagonal lower is zero
			factors := [4]float64{o.matrix[i*n+k], o.matrix[(i+1)*n+k], o.matrix[(i+2)*n+k], o.matrix[(i+3)*n+k]}
			rowAdd4(row[:i+4], factors, o.lower[i*n:], n)
		}
		for ; i < k; i++ {
			rowAdd(row[:i+1], o.matrix[i*n+k], o.lower[i*n:i*n+i+1])
		}
		diagonal := 1 / o.matrix[k*n+k]
		for i := range row { // not floats.Scale, whose SSE code is slow before endRows
			row[i] *= -diagonal
		}
		row[k] = diagonal
	}
	k := 0
	for ; k+4 <= n; k += 4 {
		for i := range k + 4 {
			at := o.lower[k*n+i:]
			rowAdd4(o.inverted[i*n+i:i*n+k+4], [4]float64{at[0], at[n], at[2*n], at[3*n]}, at, n)
		}
	}
	for ; k < n; k++ {
		row := o.lower[k*n : k*n+k+1]
		for i, v := range row {
			rowAdd(o.inverted[i*n+i:i*n+k+1], v, row[i:])
		}
	}
	endRows()
}

func (o *objective) value(theta []float64) float64 {
	o.at(theta)
	if !o.valid {
		return math.Inf(1)
	}
	value := 0.5*o.logDet + o.fits
	for i, t := range theta {
		p := o.prior[i]
		value += 0.5 * (t - p.mean) / p.sd * (t - p.mean) / p.sd
	}
	return value
}

// gradient fills grad by Rasmussen and Williams 2006, eq. 5.9:
// d/dtheta = 1/2 tr((K^-1 - alpha alpha') dK/dtheta), off-diagonal pairs twice.
func (o *objective) gradient(grad, theta []float64) {
	o.at(theta)
	if !o.valid {
		clear(grad)
		return
	}
	d, n := o.d, o.n
	for i, t := range theta {
		p := o.prior[i]
		grad[i] = (t - p.mean) / (p.sd * p.sd)
	}
	o.invert()
	h := o.hyper
	k := newKernel(h, o.data.Categorical)
	next := 0
	for i, a := range o.alpha {
		row := o.inverted[i*n : (i+1)*n]
		weight := 0.5 * (row[i] - a*a)
		grad[d] += weight * h.Signal * (1 + jitter)
		grad[d+1] += weight * o.data.noise(i, h.Noise)
		for j := i + 1; j < n; j++ {
			o.weight[next] = row[j] - a*o.alpha[j]
			next++
		}
	}
	together, single := dot(o.weight, o.value2), 0.0
	if k.single > 0 {
		single = dot(o.weight, o.singles)
	}
	grad[d] += k.product*together + k.single*single
	if len(theta) > d+2 {
		grad[d+2] += h.Signal * (single/float64(d) - together) * h.Additive * (1 - h.Additive)
	}
	floats.MulTo(o.sum, o.weight, o.slope)
	for c, w := range k.inverse {
		sum := k.product * dot(o.sum, o.squares[c])
		if k.single > 0 {
			sum += k.single * dot3(o.slopes[c], o.weight, o.squares[c])
		}
		grad[c] += w * w * sum
	}
}
