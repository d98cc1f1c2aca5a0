package distance

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Subset is a draw of equally many rows of each set.
type Subset struct{ X, Y []int }

// Subsets draws count subsets of min(N, M, most) rows, without replacement within
// one, from a stream of seed.
func Subsets(n, m, count, most int, seed uint64) []Subset {
	r := rand.New(rand.NewPCG(seed, 0x6b6964)) // a stream of its own: "kid"
	size := min(n, m, most)
	draw := func(n int) []int { return r.Perm(n)[:size] }
	all := make([]Subset, count)
	for i := range all {
		all[i] = Subset{X: draw(n), Y: draw(m)}
	}
	return all
}

// Kernel returns the kernel distance of X and Y: the unbiased estimate of the
// squared maximum mean discrepancy with the kernel (x.y/D + 1)^3, averaged over
// subsets, and the standard deviation of one subset's estimate (with n - 1, 0 of a
// single one). Of m rows of each,
//
//	sum_{i!=j} (k(x_i, x_j) + k(y_i, y_j)) / (m (m-1)) - 2 sum_{ij} k(x_i, y_j) / m^2
//
// (arXiv 1801.01401). The subsets share rows, so that the deviation is that of
// one estimate and not the standard error of the mean. The estimate can be below 0.
func Kernel(x, y []float32, d int, subsets []Subset) (mean, deviation float64, err error) {
	var squares float64
	for s, subset := range subsets {
		m := len(subset.X)
		if m < 2 || len(subset.Y) != m {
			return 0, 0, fmt.Errorf("kernel distance: a subset of %d and %d rows, want as many of both and at least 2", m, len(subset.Y))
		}
		a, b := gather(x, d, subset.X), gather(y, d, subset.Y)
		within := kernelSum(a, a, true) + kernelSum(b, b, true)
		estimate := within/(float64(m)*float64(m-1)) - 2*kernelSum(a, b, false)/(float64(m)*float64(m))
		delta := estimate - mean // a running mean (Welford 1962)
		mean += delta / float64(s+1)
		squares += delta * (estimate - mean)
	}
	if n := len(subsets); n > 1 {
		deviation = math.Sqrt(squares / float64(n-1))
	}
	return mean, deviation, nil
}

// kernelSum is the sum of the kernel over all pairs, or with same, where both sets are
// one, over the pairs with i != j.
func kernelSum(x, y rows[float32], same bool) float64 {
	sums := make([]float64, x.n)
	inverse := 1 / float64(x.d)
	products(x, y, same, func(_, i, j int, dots []float64) {
		if same { // j > i, twice
			dots = dots[min(max(0, i+1-j), len(dots)):]
		}
		sums[i] += cubes(dots, inverse)
	})
	var all float64
	for _, sum := range sums {
		all += sum
	}
	if same {
		return 2 * all
	}
	return all
}

// gather copies rows.
func gather(features []float32, d int, indices []int) rows[float32] {
	out := rows[float32]{n: len(indices), d: d, data: make([]float32, 0, len(indices)*d)}
	for _, i := range indices {
		out.data = append(out.data, features[i*d:(i+1)*d]...)
	}
	return out
}
