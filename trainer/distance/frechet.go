package distance

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"
)

// Moments are the mean and covariance of N feature vectors.
type Moments struct {
	N    int
	Mean []float64     // mu, `[D]`
	Cov  *mat.SymDense // S, `[D D]`, over N-1
}

// ErrTooFew says that a covariance would say little.
var ErrTooFew = errors.New("too few samples")

// NewMoments computes mu and S of features `[N, D]`, in float64 and in two passes,
// so that nothing cancels. Fewer than 2 D rows are ErrTooFew.
func NewMoments(features []float32, d int) (Moments, error) {
	x := of(features, d)
	m := Moments{N: x.n, Mean: make([]float64, d), Cov: mat.NewSymDense(d, nil)}
	if m.N < 2*d {
		return m, fmt.Errorf("%w: %d of %d features, want at least %d", ErrTooFew, m.N, d, 2*d)
	}
	for i := range x.n {
		for k, v := range x.row(i) {
			m.Mean[k] += float64(v)
		}
	}
	for k := range m.Mean {
		m.Mean[k] /= float64(m.N)
		if math.IsNaN(m.Mean[k]) || math.IsInf(m.Mean[k], 0) {
			return m, errors.New("features are not finite")
		}
	}
	centred := rows[float64]{n: m.N, d: d, data: make([]float64, m.N*d)}
	for i := range m.N {
		row := centred.row(i)
		for k, v := range x.row(i) {
			row[k] = float64(v) - m.Mean[k]
		}
	}
	for i, sum := range scatter(centred) {
		m.Cov.SetSym(i/d, i%d, sum/float64(m.N-1))
	}
	return m, nil
}

// scatterRows are added up before they join the sum, while they are in the cache.
const scatterRows = 1024

// scatter yields the upper triangle of the sum of x_r x_r^T, with the index of each
// element of `[D, D]`.
func scatter(x rows[float64]) iter.Seq2[int, float64] {
	sums := make([]float64, x.d*x.d)
	var next atomic.Int64
	var group sync.WaitGroup
	for range workers() {
		group.Go(func() {
			h := hand{dots: make([]float64, tileRows*tileColumns)}
			left, right := make([]float64, scatterRows*tileRows), make([]float64, scatterRows*tileColumns)
			for {
				column := int(next.Add(tileColumns)) - tileColumns
				if column >= x.d {
					return
				}
				for start := 0; start < x.n; start += scatterRows {
					n := min(scatterRows, x.n-start)
					x.columns(right[:n*tileColumns], start, column, tileColumns)
					for row := 0; row < min(column+tileColumns, x.d); row += tileRows {
						h.rows = left[:n*tileRows]
						x.columns(h.rows, start, row, tileRows)
						h.tile(right[:n*tileColumns], 0, tileColumns)
						for r := range min(tileRows, x.d-row) {
							for c := range min(tileColumns, x.d-column) {
								sums[(row+r)*x.d+column+c] += h.dots[r*tileColumns+c]
							}
						}
					}
				}
			}
		})
	}
	group.Wait()
	return func(yield func(int, float64) bool) {
		for i := range x.d {
			for j := i; j < x.d; j++ {
				if !yield(i*x.d+j, sums[i*x.d+j]) {
					return
				}
			}
		}
	}
}

// columns copies count columns from one on of the rows from start on, as `[rows,
// count]`, zeros for those beyond the end.
func (r rows[T]) columns(dst []T, start, column, count int) {
	for i := range len(dst) / count {
		n := copy(dst[i*count:][:count], r.row(start + i)[column:])
		clear(dst[i*count+n:][:count-n])
	}
}

// Frechet returns the squared Fréchet distance between two normal distributions,
//
//	|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))
//
// (arXiv 1706.08500, eq. 6), at least 0. With S_a = U^T U the product S_a S_b has
// the eigenvalues of U S_b U^T, which is symmetric, so no complex part appears as in
// a general matrix root, and the trace of the root is the sum of their square roots;
// eigenvalues that rounding made negative count as 0. U is the Cholesky factor, or
// where S_a is singular its symmetric root.
func Frechet(a, b Moments) (float64, error) {
	d := len(a.Mean)
	if len(b.Mean) != d {
		return 0, fmt.Errorf("frechet: %d features against %d", d, len(b.Mean))
	}
	factor, err := factorise(a.Cov)
	if err != nil {
		return 0, fmt.Errorf("frechet: %w", err)
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sandwich(factor, dense(b.Cov)), false) {
		return 0, errors.New("frechet: no eigenvalues of the covariances' product")
	}
	var distance float64
	for k := range d {
		difference := a.Mean[k] - b.Mean[k]
		distance += difference*difference + a.Cov.At(k, k) + b.Cov.At(k, k)
	}
	for _, v := range eigen.Values(nil) {
		distance -= 2 * math.Sqrt(math.Max(v, 0))
	}
	return math.Max(distance, 0), nil
}

// sandwich is u s u^T, for a symmetric s.
func sandwich(u, s rows[float64]) *mat.SymDense {
	half := rows[float64]{n: u.n, d: u.n, data: make([]float64, u.n*u.n)} // u s
	products(u, s, false, func(_, i, j int, dots []float64) { copy(half.row(i)[j:], dots) })
	whole := make([]float64, u.n*u.n)
	products(half, u, true, func(_, i, j int, dots []float64) { copy(whole[i*u.n+j:], dots) })
	return mat.NewSymDense(u.n, whole) // reads the upper triangle
}

// dense are the rows of a symmetric matrix.
func dense(s mat.Matrix) rows[float64] {
	full := mat.DenseCopyOf(s)
	n, d := full.Dims()
	return rows[float64]{n: n, d: d, data: full.RawMatrix().Data}
}

// factorise is a U with U^T U = s, for a positive semi-definite s.
func factorise(s *mat.SymDense) (rows[float64], error) {
	var chol mat.Cholesky
	if chol.Factorize(s) {
		var upper mat.TriDense
		chol.UTo(&upper)
		return dense(&upper), nil
	}
	root, err := squareRoot(s)
	if err != nil {
		return rows[float64]{}, err
	}
	return dense(root), nil
}

// squareRoot is the symmetric R with R R = s, for a positive semi-definite s.
func squareRoot(s *mat.SymDense) (*mat.Dense, error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(s, true) {
		return nil, errors.New("no eigenvectors of a covariance")
	}
	d := s.SymmetricDim()
	var vectors, scaled, root mat.Dense
	eigen.VectorsTo(&vectors)
	scaled.CloneFrom(&vectors)
	for j, v := range eigen.Values(nil) {
		factor := math.Sqrt(math.Max(v, 0))
		for i := range d {
			scaled.Set(i, j, factor*vectors.At(i, j))
		}
	}
	root.Mul(&scaled, vectors.T())
	return &root, nil
}
