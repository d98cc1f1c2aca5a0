package gp

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// jitter is added to the diagonal of K, times s2, so that K of nearly equal points has
// a Cholesky factor.
const jitter = 1e-9

// ErrIllConditioned says that K has no Cholesky factor: observations that are
// not finite, or equal points with a noise variance of nearly zero.
var ErrIllConditioned = errors.New("gp: covariance matrix is not positive definite")

// Data are observations. y_i is the mean of Weight_i results, so that its noise
// variance is v/Weight_i; nil means 1 each.
type Data struct {
	X           [][]float64 // `[n][d]`
	Y           []float64   // `[n]`
	Weight      []float64   // `[n]` or nil
	Categorical []bool      // `[d]`
}

func (d Data) check() error {
	n := len(d.X)
	if n == 0 || n != len(d.Y) || len(d.X[0]) != len(d.Categorical) || d.Weight != nil && n != len(d.Weight) {
		return fmt.Errorf("gp: %d points, %d observations, %d weights, %d kinds of coordinate", n, len(d.Y), len(d.Weight), len(d.Categorical))
	}
	for i, y := range d.Y {
		finite := y - y
		for _, x := range d.X[i] {
			finite += x - x
		}
		if finite != 0 { // a NaN is not equal to anything
			return fmt.Errorf("gp: observation %d is not finite: %v at %v", i, y, d.X[i])
		}
	}
	return nil
}

// noise is observation i's share of the noise variance.
func (d Data) noise(i int, v float64) float64 {
	if d.Weight == nil {
		return v
	}
	return v / d.Weight[i]
}

// Process is a Gaussian process conditioned on observations, or on S sets of
// observations at the same points (see Draw). It does not change, and is safe for
// concurrent use.
type Process struct {
	Hyper  Hyper
	kernel kernel
	x      [][]float64 // `[d][n]`, a column a coordinate
	n      int
	factor blas64.Triangular // U upper, K = U'U
	lower  blas64.General    // U'^-1: a product with it is faster than gonum's solves
	half   []float64         // U'^-1 y of the real observations
	alpha  blas64.General    // K^-1 y, `[n S]`
	trend  trend             // what y is less; every mean includes it
}

// Condition returns the process with the given hyper-parameters and observations. It
// calls LAPACK directly: gonum's mat also estimates condition numbers, which takes
// longer than the rest at a hundred points.
func Condition(data Data, h Hyper) (*Process, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	if len(h.Length) != len(data.Categorical) {
		return nil, fmt.Errorf("gp: %d lengthscales for %d coordinates", len(h.Length), len(data.Categorical))
	}
	n := len(data.Y)
	p := &Process{Hyper: h, n: n, x: columns(data.X), kernel: newKernel(h, data.Categorical)}
	k := blas64.Symmetric{N: n, Stride: n, Uplo: blas.Upper, Data: make([]float64, n*n)}
	var between row
	for i, at := range data.X {
		p.kernel.fill(&between, at, p.x)
		copy(k.Data[i*n+i:(i+1)*n], between.k[i:])
		k.Data[i*n+i] = h.Signal*(1+jitter) + data.noise(i, h.Noise)
	}
	var positive bool
	if p.factor, positive = lapack64.Potrf(k); !positive {
		return nil, ErrIllConditioned
	}
	p.lower = invert(p.factor)
	p.half = append([]float64(nil), data.Y...)
	blas64.Trsv(blas.Trans, p.factor, blas64.Vector{N: n, Inc: 1, Data: p.half})
	alpha := append([]float64(nil), p.half...)
	blas64.Trsv(blas.NoTrans, p.factor, blas64.Vector{N: n, Inc: 1, Data: alpha})
	for _, a := range alpha {
		if math.IsNaN(a) || math.IsInf(a, 0) {
			return nil, ErrIllConditioned
		}
	}
	p.alpha = blas64.General{Rows: n, Cols: 1, Stride: 1, Data: alpha}
	return p, nil
}

// Posterior returns the mean of the first set and the standard deviation of the
// noise-free value at point:
//
//	mean = k' K^-1 y,  sd^2 = s2 - |U'^-1 k|^2,  k_i = k(x_i, point)
//
// Rasmussen and Williams 2006, eqs. 2.25 and 2.26.
func (p *Process) Posterior(point []float64) (mean, sd float64) {
	var w Workspace
	p.Predict(point, 1, &w)
	return w.Mean[0], math.Sqrt(w.Var)
}

// Mean returns the mean of the first set at point, as Posterior does, in a fraction of
// the time.
func (p *Process) Mean(point []float64, w *Workspace) float64 {
	w.Mean = resize(w.Mean, 1)
	p.means(point, w)
	return w.Mean[0]
}

// Workspace has the results of Predict at a point, and the parts that Gradient
// needs. The zero value is ready to use; one may be reused by one goroutine.
type Workspace struct {
	Mean []float64 // `[S]`, or of the first sets
	Var  float64   // >= 0, the same for every set

	row    row
	solve  []float64 // U'^-1 k
	weight []float64
	trend  *Workspace // of the trend's process
}

// Predict fills w with the posterior at point, the means of the first sets only.
func (p *Process) Predict(point []float64, sets int, w *Workspace) {
	w.solve, w.Mean = resize(w.solve, p.n), resize(w.Mean, sets)
	p.means(point, w)
	lowerTimes(w.solve, p.lower.Data, w.row.k)
	w.Var = math.Max(p.kernel.variance-dot(w.solve, w.solve), 1e-12*p.kernel.variance)
}

// means fills w.Mean.
func (p *Process) means(point []float64, w *Workspace) {
	p.kernel.fill(&w.row, point, p.x)
	if len(w.Mean) == 1 && p.alpha.Stride == 1 {
		w.Mean[0] = dot(p.alpha.Data, w.row.k)
	} else {
		some := p.alpha
		some.Cols = len(w.Mean)
		blas64.Gemv(blas.Trans, 1, some, blas64.Vector{N: p.n, Inc: 1, Data: w.row.k}, 0, blas64.Vector{N: len(w.Mean), Inc: 1, Data: w.Mean})
	}
	p.trend.add(point, w)
}

// Gradient adds to grad the gradient at w's point of a function whose partial
// derivatives by the posterior are mean, `[S]`, and variance:
//
//	sum_j mean_j dMean_j/dx + variance dVar/dx
//	dMean_j/dx = (dk/dx)' alpha_j,  dVar/dx = -2 (dk/dx)' K^-1 k
func (p *Process) Gradient(w *Workspace, mean []float64, variance float64, grad []float64) {
	w.weight = resize(w.weight, p.n)
	weight := blas64.Vector{N: p.n, Inc: 1, Data: w.weight}
	blas64.Gemv(blas.NoTrans, 1, p.alpha, blas64.Vector{N: len(mean), Inc: 1, Data: mean}, 0, weight)
	for i, v := range w.solve {
		addScaled(w.weight[:i+1], -2*variance*v, p.lower.Data[i*p.n:i*p.n+i+1])
	}
	p.kernel.gradient(&w.row, w.weight, grad)
	p.trend.gradient(w, floats.Sum(mean), grad)
}

// Draw conditions the process on joint draws of its noise-free values at points: set j
// has the draw made from the standard normal numbers z_j, `[S][q]`. values are the
// draws, `[S][q]`.
//
// With V = U'^-1 k(X, P) and R'R = k(P, P) - V'V, the factor of the larger matrix is
// (U V; 0 R), draw j is mean(P) + R' z_j, and U'^-1 of set j is (U'^-1 y; z_j): only
// the q x q matrix is factored.
func (p *Process) Draw(points [][]float64, z [][]float64) (drawn *Process, values [][]float64, err error) {
	n, q, sets := p.n, len(points), len(z)
	m := n + q
	drawn = &Process{Hyper: p.Hyper, kernel: p.kernel, n: m, x: make([][]float64, len(p.x)), trend: p.trend}
	for c, column := range p.x {
		drawn.x[c] = append(make([]float64, 0, m), column...)
		for _, at := range points {
			drawn.x[c] = append(drawn.x[c], at[c])
		}
	}
	u := make([]float64, m*m)
	for i := range n {
		copy(u[i*m+i:i*m+n], p.factor.Data[i*p.factor.Stride+i:i*p.factor.Stride+n])
	}
	var between row
	for j, at := range points {
		p.kernel.fill(&between, at, p.x)
		for i, k := range between.k {
			u[i*m+n+j] = k
		}
	}
	if q > 0 {
		v := blas64.General{Rows: n, Cols: q, Stride: m, Data: u[n:]}
		blas64.Trsm(blas.Left, blas.Trans, 1, p.factor, v)
		rest := blas64.Symmetric{N: q, Stride: m, Uplo: blas.Upper, Data: u[n*m+n:]}
		for i, a := range points {
			rest.Data[i*m+i] = p.kernel.variance * (1 + 10*jitter)
			for j := i + 1; j < q; j++ {
				rest.Data[i*m+j] = p.kernel.at(a, points[j])
			}
		}
		blas64.Syrk(blas.Trans, -1, v, 1, rest)
		for i := range q { // by rounding the variance of a known value may be below zero
			rest.Data[i*m+i] += 1e-8 * p.kernel.variance
		}
		if _, positive := lapack64.Potrf(rest); !positive {
			return nil, nil, ErrIllConditioned
		}
	}
	drawn.factor = blas64.Triangular{N: m, Stride: m, Uplo: blas.Upper, Diag: blas.NonUnit, Data: u}
	drawn.lower = p.invertLarger(drawn.factor)
	drawn.half = append([]float64(nil), p.half...) // of the first set, for another Draw
	drawn.alpha = blas64.General{Rows: m, Cols: sets, Stride: sets, Data: make([]float64, m*sets)}
	values = make([][]float64, sets)
	for j := range sets {
		for i, h := range p.half[:n] {
			drawn.alpha.Data[i*sets+j] = h
		}
		for i := range q {
			drawn.alpha.Data[(n+i)*sets+j] = z[j][i]
		}
		// mean + R'z = (V'; R') (half; z)
		values[j] = make([]float64, q)
		for i := range q {
			var sum float64
			for r := range n {
				sum += u[r*m+n+i] * p.half[r]
			}
			for r := range i + 1 {
				sum += u[(n+r)*m+n+i] * z[j][r]
			}
			values[j][i] = sum
		}
	}
	if p.trend.of != nil {
		var w Workspace
		for i, at := range points {
			mean := p.trend.at(at, &w)
			for j := range values {
				values[j][i] += mean
			}
		}
	}
	if q > 0 {
		drawn.half = append(drawn.half, z[0]...)
	}
	blas64.Trsm(blas.Left, blas.NoTrans, 1, drawn.factor, drawn.alpha)
	return drawn, values, nil
}

// invert returns U'^-1, lower, with zeros above.
func invert(u blas64.Triangular) blas64.General {
	n := u.N
	lower := blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	for i := range n {
		lower.Data[i*n+i] = 1
	}
	blas64.Trsm(blas.Left, blas.Trans, 1, u, lower)
	return lower
}

// invertLarger is invert of a factor whose first rows and columns are those of p.factor, so
// that the first rows of the inverse are those of p.lower. It makes the same operations as
// invert, in the same order.
func (p *Process) invertLarger(u blas64.Triangular) blas64.General {
	n, m := p.n, u.N
	lower := blas64.General{Rows: m, Cols: m, Stride: m, Data: make([]float64, m*m)}
	for i := range n {
		copy(lower.Data[i*m:i*m+i+1], p.lower.Data[i*n:])
	}
	for i := n; i < m; i++ {
		row := lower.Data[i*m : (i+1)*m]
		k := 0
		for ; k+4 <= n; k += 4 { // beyond the diagonal lower is zero
			factors := [4]float64{-u.Data[k*m+i], -u.Data[(k+1)*m+i], -u.Data[(k+2)*m+i], -u.Data[(k+3)*m+i]}
			rowAdd4(row[:k+4], factors, lower.Data[k*m:], m)
		}
		for ; k < n; k++ {
			rowAdd(row[:k+1], -u.Data[k*m+i], lower.Data[k*m:k*m+k+1])
		}
		row[i] = 1
	}
	endRows()
	if n < m {
		rest := blas64.Triangular{N: m - n, Stride: m, Uplo: blas.Upper, Diag: blas.NonUnit, Data: u.Data[n*m+n:]}
		blas64.Trsm(blas.Left, blas.Trans, 1, rest, blas64.General{Rows: m - n, Cols: m, Stride: m, Data: lower.Data[n*m:]})
	}
	return lower
}

// columns turns points into a column a coordinate.
func columns(x [][]float64) [][]float64 {
	list := make([][]float64, len(x[0]))
	for c := range list {
		list[c] = make([]float64, len(x))
		for i, at := range x {
			list[c][i] = at[c]
		}
	}
	return list
}
