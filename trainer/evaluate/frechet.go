package evaluate

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Moments are the mean and covariance of N feature vectors.
type Moments struct {
	N    int
	Mean []float64     // mu, `[D]`
	Cov  *mat.SymDense // S, `[D D]`, over N-1
}

// errTooFew says that a covariance would say little.
var errTooFew = errors.New("too few samples")

// moments computes mu and S of the rows of features `[N, D]` for which keep holds,
// in float64 and in two passes, so that nothing cancels. Fewer than 2 D rows are
// errTooFew.
func moments(features []float32, d int, keep func(row int) bool) (Moments, error) {
	var rows []int
	for i := range len(features) / d {
		if keep(i) {
			rows = append(rows, i)
		}
	}
	m := Moments{N: len(rows), Mean: make([]float64, d), Cov: mat.NewSymDense(d, nil)}
	if m.N < 2*d {
		return m, fmt.Errorf("%w: %d of %d features, want at least %d", errTooFew, m.N, d, 2*d)
	}
	for _, i := range rows {
		for k := range d {
			m.Mean[k] += float64(features[i*d+k])
		}
	}
	for k := range m.Mean {
		m.Mean[k] /= float64(m.N)
		if math.IsNaN(m.Mean[k]) || math.IsInf(m.Mean[k], 0) {
			return m, errors.New("features are not finite")
		}
	}
	centred := mat.NewDense(m.N, d, nil)
	for r, i := range rows {
		for k := range d {
			centred.Set(r, k, float64(features[i*d+k])-m.Mean[k])
		}
	}
	m.Cov.SymOuterK(1/float64(m.N-1), centred.T())
	return m, nil
}

// Frechet returns the squared Fréchet distance between two normal distributions,
//
//	|mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2))
//
// (arXiv 1706.08500, eq. 6), at least 0. tr (S_a S_b)^(1/2) is the sum of the
// square roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which is symmetric,
// so no complex part appears as in a general matrix root; eigenvalues that
// rounding made negative count as 0.
func Frechet(a, b Moments) (float64, error) {
	d := len(a.Mean)
	if len(b.Mean) != d {
		return 0, fmt.Errorf("frechet: %d features against %d", d, len(b.Mean))
	}
	root, err := squareRoot(a.Cov)
	if err != nil {
		return 0, fmt.Errorf("frechet: %w", err)
	}
	var half, product mat.Dense
	half.Mul(root, b.Cov)
	product.Mul(&half, root)
	symmetric := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			symmetric.SetSym(i, j, (product.At(i, j)+product.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, false) {
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
