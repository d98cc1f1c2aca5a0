package distance

import (
	"errors"
	"fmt"
	"math"
	"slices"
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

// ErrTooFew is the error for too few rows for a meaningful covariance.
var ErrTooFew = errors.New("too few samples")

// NewMoments computes mu and S of a mixture in float64 and in two passes, which avoids
// cancellation. With weights w_i that sum to 1,
//
//	S = sum_i w_i (x_i - mu) (x_i - mu)^T / (1 - sum_i w_i^2)
//
// which is over N-1 where all weights are equal. Fewer than 2 D effective rows,
// 1 / sum_i w_i^2, are ErrTooFew.
func NewMoments(x Set) (Moments, error) {
	d := x.rows.d
	m := Moments{N: x.rows.n, Mean: make([]float64, d), Cov: mat.NewSymDense(d, nil)}
	parts, weights, correction := []rows[float32]{x.rows}, []float64{float64(m.N)}, 1.0 // equal weights
	effective, scale := float64(m.N), float64(m.N-1)
	if !x.even() {
		parts, weights = nil, nil
		x.classes(func(_, from, to int) {
			parts = append(parts, rows[float32]{n: to - from, d: d, data: x.rows.data[from*d : to*d]})
			weights = append(weights, float64((to-from)*len(x.counts)))
		})
		effective, correction = 1/x.squaredWeights(), 1-x.squaredWeights()
	}
	if effective < float64(2*d)*(1-rounding) {
		return m, fmt.Errorf("%w: %.4g of %d features, want at least %d", ErrTooFew, effective, d, 2*d)
	}
	for p, part := range parts {
		sums := make([]float64, d)
		for i := range part.n {
			add(sums, part.row(i))
		}
		for k, sum := range sums {
			m.Mean[k] += sum / weights[p]
		}
	}
	for _, v := range m.Mean {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return m, errors.New("features are not finite")
		}
	}
	for p, part := range parts {
		if len(parts) > 1 {
			scale = weights[p] * correction
		}
		for i, sums := range slices.Collect(slices.Chunk(scatter(part, m.Mean), d)) {
			for j := i; j < d; j++ {
				m.Cov.SetSym(i, j, m.Cov.At(i, j)+sums[j]/scale)
			}
		}
	}
	return m, nil
}

// rounding is the relative error that a sum of weights may have.
const rounding = 1e-9

// scatter multiplies scatterRows rows at a time, of scatterColumns columns with as
// many others: these are packed once, stay in the cache, and make 64 tiles.
const (
	scatterRows    = 256
	scatterColumns = 4 * tileColumns
)

// scatter is the upper triangle of the sum of (x_r - mu) (x_r - mu)^T, in `[D, D]`.
func scatter(x rows[float32], mean []float64) []float64 {
	sums := make([]float64, x.d*x.d)
	var next atomic.Int64 // from the last columns down, which have the most others before them
	next.Store(int64(x.d+scatterColumns-1) / scatterColumns)
	var group sync.WaitGroup
	for range min(workers(), int(next.Load())) {
		group.Go(func() {
			left, right := make([]float64, scatterRows*scatterColumns), make([]float64, scatterRows*scatterColumns)
			for {
				column := int(next.Add(-1)) * scatterColumns
				if column < 0 {
					return
				}
				for start := 0; start < x.n; start += scatterRows {
					size := min(scatterRows, x.n-start) * scatterColumns
					centred(right[:size], x, mean, start, column)
					for row := 0; row < column; row += scatterColumns {
						centred(left[:size], x, mean, start, row)
						scatterTiles(sums, x.d, left[:size], right[:size], row, column)
					}
					scatterTiles(sums, x.d, right[:size], right[:size], column, column)
				}
			}
		})
	}
	group.Wait()
	return sums
}

// centred packs scatterColumns columns from one on of the rows from start on, less
// their mean: panels `[rows, tileColumns]`. Values beyond the last column are left as they
// are, since their products are not read.
func centred(dst []float64, x rows[float32], mean []float64, start, column int) {
	panel := len(dst) / scatterColumns * tileColumns
	for p := 0; p < scatterColumns/tileColumns; p++ {
		from, to := min(column+p*tileColumns, x.d), min(column+(p+1)*tileColumns, x.d)
		for i := range panel / tileColumns {
			subtract(dst[p*panel+i*tileColumns:], x.row(start + i)[from:to], mean[from:to])
		}
	}
}

// scatterTiles adds the products of packed columns, from row and from column on, to
// the sums `[D, D]`; of those of the same columns to the upper triangle alone.
func scatterTiles(sums []float64, d int, left, right []float64, row, column int) {
	panel := len(right) / scatterColumns * tileColumns
	var dots [tileRows * tileColumns]float64
	for c := 0; c < min(scatterColumns, d-column); c += tileColumns {
		for r := 0; r < min(scatterColumns, d-row, column+c+tileColumns-row); r += tileRows {
			tile(left[r/tileColumns*panel+r%tileColumns:][:panel-r%tileColumns], tileColumns, right[c*panel/tileColumns:][:panel], dots[:], tileColumns)
			for i := range min(tileRows, d-row-r) {
				out := sums[(row+r+i)*d+column+c:][:min(tileColumns, d-column-c)]
				for k := range out {
					out[k] += dots[i*tileColumns+k]
				}
			}
		}
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

// singular is what FrechetError adds to the variances, relative to their mean, so that each
// covariance has an inverse. A direction without variance has no part in the error.
const singular = 1e-9

// FrechetError is the standard error of Frechet(a, b), of the moments of x and y, for other
// vectors in equal numbers: the infinitesimal jackknife (Efron 1982, ch. 6). Moving weight
// to a row x changes the distance by
//
//	2 (mu_a - mu_b).(x - mu_a) + (x - mu_a)^T (I - T) (x - mu_a) + constant
//
// where T = S_a^(-1/2) (S_a^(1/2) S_b S_a^(1/2))^(1/2) S_a^(-1/2) takes S_a to S_b
// (arXiv 1804.01947); the same with T^-1 is for rows of y. With S_a = U^T U and
// U S_b U^T = V L V^T, T is U^-1 V L^(1/2) V^T U^-T. The bias of the distance of few rows is
// not in the error. NaN where a class has one row.
func FrechetError(x, y Set, a, b Moments) (float64, error) {
	d := len(a.Mean)
	add := 0.0
	for k := range d {
		add += singular * (a.Cov.At(k, k) + b.Cov.At(k, k)) / float64(2*d)
	}
	widened := func(s *mat.SymDense) *mat.SymDense {
		out := mat.NewSymDense(d, nil)
		out.CopySym(s)
		for k := range d {
			out.SetSym(k, k, s.At(k, k)+add)
		}
		return out
	}
	var chol mat.Cholesky
	if !chol.Factorize(widened(a.Cov)) {
		return math.NaN(), nil // no variance at all
	}
	var upper mat.TriDense
	chol.UTo(&upper)
	var eigen mat.EigenSym
	if !eigen.Factorize(sandwich(dense(&upper), dense(widened(b.Cov))), true) {
		return 0, errors.New("frechet: no eigenvectors of the covariances' product")
	}
	var vectors, forward, backward mat.Dense
	eigen.VectorsTo(&vectors)
	if err := forward.Solve(&upper, &vectors); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) {
			return 0, fmt.Errorf("frechet: %w", err)
		}
	}
	backward.Mul(upper.T(), &vectors)
	roots, inverses := make([]float64, d), make([]float64, d)
	for k, v := range eigen.Values(nil) {
		roots[k] = math.Sqrt(math.Max(v, math.SmallestNonzeroFloat64))
		inverses[k] = 1 / roots[k]
	}
	variance := x.variance(influences(x, a.Mean, b.Mean, dense(forward.T()), roots)) +
		y.variance(influences(y, b.Mean, a.Mean, dense(backward.T()), inverses))
	return math.Sqrt(variance), nil
}

// influences is 2 (mean - other).(x - mean) + |x - mean|^2 - sum_k scale_k (along_k.(x - mean))^2
// for each row x.
func influences(x Set, mean, other []float64, along rows[float64], scale []float64) []float64 {
	centre := rows[float64]{n: x.rows.n, d: x.rows.d, data: make([]float64, x.rows.n*x.rows.d)}
	out := make([]float64, x.rows.n)
	for i := range out {
		subtract(centre.row(i), x.rows.row(i), mean)
		for k, v := range centre.row(i) {
			out[i] += v * (2*(mean[k]-other[k]) + v)
		}
	}
	products(centre, along, false, func(_, i, j int, dots []float64) {
		for k, v := range dots {
			out[i] -= scale[j+k] * v * v
		}
	})
	return out
}

// sandwich is u s u^T, for a symmetric s.
func sandwich(u, s rows[float64]) *mat.SymDense {
	half := rows[float64]{n: u.n, d: u.n, data: make([]float64, u.n*u.n)} // u s
	products(u, s, false, func(_, i, j int, dots []float64) { copy(half.row(i)[j:], dots) })
	full := make([]float64, u.n*u.n)
	products(half, u, true, func(_, i, j int, dots []float64) { copy(full[i*u.n+j:], dots) })
	return mat.NewSymDense(u.n, full) // reads the upper triangle
}

// dense returns the rows of a symmetric matrix.
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
