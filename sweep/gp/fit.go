package gp

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/optimize"
)

// The priors of the hyper-parameters, normal in their logarithms. They were
// chosen on 24 black-box problems of 2 to 6 dimensions at 50 and 100 trials, on
// other seeds than those reported: with the lengthscales of Hvarfner et al. 2024,
// which are much longer, the geometric mean of the regret was three times as high.
const (
	lengthMean0 = -0.9 // of ln l_k, plus ln(d)/2
	lengthSD    = 0.75
	noiseMean   = -7 // of ln v
	noiseSD     = 2.5
	signalMean  = 0 // of ln s2: observations are standardised
	signalSD    = 1
)

// maxLogHyper bounds |ln| of a hyper-parameter, far outside the priors, so that
// a wild step of the line search does not overflow.
const maxLogHyper = 50

// Fit returns the process whose hyper-parameters maximise the posterior density
// of the observations (MAP), by L-BFGS from the prior's mean and from one
// standard deviation of lengthscales and noise on either side. x is `[n][d]`, y
// `[n]` with about zero mean and unit variance, n >= 1. It stops where three
// iterations gain less than 1e-4 of log density, which moves no suggestion.
func Fit(x [][]float64, y []float64, categorical []bool) (*Process, error) {
	d := len(categorical)
	if len(x) == 0 || len(x) != len(y) || len(x[0]) != d {
		return nil, fmt.Errorf("gp: %d points, %d observations, %d kinds of coordinate", len(x), len(y), d)
	}
	o := objective{x: x, y: y, categorical: categorical}
	problem := optimize.Problem{Func: o.value, Grad: o.gradient}
	var best []float64
	bestValue := math.Inf(1)
	for _, shift := range []float64{0, -1, 1} {
		start := make([]float64, d+2)
		for k := range d {
			start[k] = lengthMean(d) + shift*lengthSD
		}
		start[d], start[d+1] = signalMean, noiseMean+shift*noiseSD
		settings := &optimize.Settings{MajorIterations: 60, Converger: &optimize.FunctionConverge{Absolute: 1e-4, Iterations: 3}}
		// A line search that gives up near the optimum is an error to gonum and a good answer here.
		result, _ := optimize.Minimize(problem, start, settings, &optimize.LBFGS{})
		if result != nil && result.X != nil && result.F < bestValue {
			best, bestValue = result.X, result.F
		}
	}
	if best == nil {
		return nil, ErrIllConditioned
	}
	return Condition(x, y, categorical, hyper(best))
}

func lengthMean(d int) float64 { return lengthMean0 + 0.5*math.Log(float64(d)) }

// hyper reads theta = (ln l_1 ... ln l_d, ln s2, ln v).
func hyper(theta []float64) Hyper {
	d := len(theta) - 2
	h := Hyper{Length: make([]float64, d), Signal: math.Exp(theta[d]), Noise: math.Exp(theta[d+1])}
	for k := range d {
		h.Length[k] = math.Exp(theta[k])
	}
	return h
}

// objective is the negative log posterior density of theta,
//
//	1/2 y' K^-1 y + 1/2 ln|K| + sum (theta - mean)^2 / 2 sd^2   (+ a constant),
//
// Rasmussen and Williams 2006, eq. 2.30 with the priors above, +Inf where K has
// no Cholesky factor. The optimiser asks for value and gradient of one theta in
// turn, so the last process is kept.
type objective struct {
	x           [][]float64
	y           []float64
	categorical []bool

	theta   []float64
	process *Process // nil where K has no factor
}

func (o *objective) at(theta []float64) *Process {
	if slices.Equal(o.theta, theta) {
		return o.process
	}
	o.theta, o.process = slices.Clone(theta), nil
	for _, t := range theta {
		if !(math.Abs(t) <= maxLogHyper) {
			return nil
		}
	}
	if p, err := Condition(o.x, o.y, o.categorical, hyper(theta)); err == nil {
		o.process = p
	}
	return o.process
}

func (o *objective) value(theta []float64) float64 {
	p := o.at(theta)
	if p == nil {
		return math.Inf(1)
	}
	value := 0.5 * p.logDet
	for i, a := range p.alpha {
		value += 0.5 * o.y[i] * a
	}
	for i, t := range theta {
		mean, sd := prior(i, len(o.categorical))
		value += 0.5 * (t - mean) / sd * (t - mean) / sd
	}
	return value
}

// gradient fills grad by Rasmussen and Williams 2006, eq. 5.9:
// d/dtheta = 1/2 tr((K^-1 - alpha alpha') dK/dtheta), off-diagonal pairs twice.
func (o *objective) gradient(grad, theta []float64) {
	d, n := len(o.categorical), len(o.x)
	p := o.at(theta)
	if p == nil {
		clear(grad)
		return
	}
	for i, t := range theta {
		mean, sd := prior(i, d)
		grad[i] = (t - mean) / (sd * sd)
	}
	inverse := blas64.Triangular{N: n, Stride: n, Uplo: blas.Upper, Diag: blas.NonUnit, Data: slices.Clone(p.factor.Data)}
	lapack64.Potri(inverse)
	s2 := p.Hyper.Signal
	for i := range n {
		row := inverse.Data[i*n : (i+1)*n]
		weight := 0.5 * (row[i] - p.alpha[i]*p.alpha[i])
		grad[d] += weight * s2 * (1 + jitter)
		grad[d+1] += weight * p.Hyper.Noise
		for j := i + 1; j < n; j++ {
			r2 := distance2(o.x[i], o.x[j], p.inverse, o.categorical)
			weight := row[j] - p.alpha[i]*p.alpha[j]
			value, slope := matern52(r2)
			grad[d] += weight * s2 * value
			for k := range d {
				difference := o.x[i][k] - o.x[j][k]
				if difference == 0 {
					continue
				}
				if o.categorical[k] {
					difference = 1
				}
				difference *= p.inverse[k]
				grad[k] += weight * s2 * slope * difference * difference
			}
		}
	}
}

// prior is the normal prior of theta_i in d dimensions.
func prior(i, d int) (mean, sd float64) {
	switch i {
	case d:
		return signalMean, signalSD
	case d + 1:
		return noiseMean, noiseSD
	}
	return lengthMean(d), lengthSD
}
