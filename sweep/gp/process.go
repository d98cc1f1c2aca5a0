package gp

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// jitter on K's diagonal, times s2, keeps the Cholesky factor of near-equal points.
const jitter = 1e-9

// ErrIllConditioned says that K has no Cholesky factor: observations that are
// not finite, or equal points with a noise variance of nearly zero.
var ErrIllConditioned = errors.New("gp: covariance matrix is not positive definite")

// Hyper are a process's hyper-parameters.
type Hyper struct {
	Length []float64 // l_k > 0, in the units of the cube
	Signal float64   // s2 > 0
	Noise  float64   // v > 0
}

// Process is a Gaussian process conditioned on observations. It does not change,
// and is safe for concurrent use.
type Process struct {
	Hyper       Hyper
	x           [][]float64
	categorical []bool
	inverse     []float64         // 1/l_k
	factor      blas64.Triangular // U upper, K = U'U
	alpha       []float64         // K^-1 y
	logDet      float64           // ln |K|
}

// Condition returns the process with the given hyper-parameters and observations.
// It keeps x. It calls LAPACK itself, since gonum's mat also estimates condition
// numbers, which takes longer than the rest at a hundred points.
func Condition(x [][]float64, y []float64, categorical []bool, h Hyper) (*Process, error) {
	if len(x) == 0 || len(x) != len(y) || len(x[0]) != len(categorical) || len(h.Length) != len(categorical) {
		return nil, fmt.Errorf("gp: %d points, %d observations, %d kinds of coordinate, %d lengthscales", len(x), len(y), len(categorical), len(h.Length))
	}
	p := &Process{Hyper: h, x: x, categorical: categorical, inverse: make([]float64, len(h.Length)), alpha: make([]float64, len(y))}
	for k, l := range h.Length {
		p.inverse[k] = 1 / l
	}
	var positive bool
	if p.factor, positive = lapack64.Potrf(p.covariance()); !positive {
		return nil, ErrIllConditioned
	}
	for i := range y {
		p.logDet += 2 * math.Log(p.factor.Data[i*p.factor.Stride+i])
	}
	copy(p.alpha, y)
	blas64.Trsv(blas.Trans, p.factor, blas64.Vector{N: len(y), Inc: 1, Data: p.alpha})
	blas64.Trsv(blas.NoTrans, p.factor, blas64.Vector{N: len(y), Inc: 1, Data: p.alpha})
	for _, a := range p.alpha {
		if math.IsNaN(a) || math.IsInf(a, 0) {
			return nil, ErrIllConditioned
		}
	}
	return p, nil
}

// covariance returns the upper triangle of K.
func (p *Process) covariance() blas64.Symmetric {
	n := len(p.x)
	k := blas64.Symmetric{N: n, Stride: n, Uplo: blas.Upper, Data: make([]float64, n*n)}
	for i := range n {
		row := k.Data[i*n : (i+1)*n]
		row[i] = p.Hyper.Signal*(1+jitter) + p.Hyper.Noise
		for j := i + 1; j < n; j++ {
			value, _ := matern52(distance2(p.x[i], p.x[j], p.inverse, p.categorical))
			row[j] = p.Hyper.Signal * value
		}
	}
	return k
}

// Posterior returns the mean and the standard deviation of the noise-free value
// at point:
//
//	mean = k' K^-1 y,  sd^2 = s2 - |U'^-1 k|^2,  k_i = s2 k(x_i, point)
//
// Rasmussen and Williams 2006, eqs. 2.25 and 2.26.
func (p *Process) Posterior(point []float64) (mean, sd float64) {
	k := make([]float64, len(p.x))
	for i, x := range p.x {
		value, _ := matern52(distance2(x, point, p.inverse, p.categorical))
		k[i] = p.Hyper.Signal * value
		mean += k[i] * p.alpha[i]
	}
	blas64.Trsv(blas.Trans, p.factor, blas64.Vector{N: len(k), Inc: 1, Data: k})
	rest := p.Hyper.Signal
	for _, v := range k {
		rest -= v * v
	}
	return mean, math.Sqrt(math.Max(rest, 0))
}
