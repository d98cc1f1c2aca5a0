package distance

import (
	"fmt"
	"math"
)

// Kernel returns the kernel distance of the mixtures x and y: the unbiased estimate of the
// squared maximum mean discrepancy with the kernel k(x, y) = (x.y/D + 1)^3
// (arXiv 1801.01401), where each expectation over two vectors is estimated for each pair of
// classes,
//
//	sum_{c,c'} (m(X_c, X_c') + m(Y_c, Y_c') - 2 m(X_c, Y_c')) / C^2
//
// and m is the mean of k over all pairs, without those of a row with itself. With one class
// this is the estimate of the paper on all rows. The estimate can be below 0. Each class
// needs two rows.
//
// The standard error is that of the first term of the Hoeffding decomposition (Serfling
// 1980, 5.3): twice that of the mean of
//
//	f(x) = mean over X of k(x, .) - mean over Y of k(x, .)
//
// over X and over Y. For equal distributions f is noise, and the error is too large rather
// than too small.
func Kernel(x, y Set) (value, standardError float64, err error) {
	if min(x.least(), y.least()) < 2 {
		return 0, 0, fmt.Errorf("kernel distance: classes of %v and %v rows, want at least 2", x.counts, y.counts)
	}
	xx, xy := kernelMeans(x, x, true), kernelMeans(x, y, false)
	yy, yx := kernelMeans(y, y, true), kernelMeans(y, x, false)
	value = x.mean(xx) + y.mean(yy) - 2*x.mean(xy)
	for i := range xx {
		xx[i] -= xy[i]
	}
	for i := range yy {
		yy[i] -= yx[i]
	}
	return value, 2 * math.Sqrt(x.variance(xx)+y.variance(yy)), nil
}

// kernelMeans is, for each row of x, the mean of the kernel over the mixture y. With same,
// where both are one set, a row is not paired with itself.
func kernelMeans(x, y Set, same bool) []float64 {
	means := make([]float64, x.rows.n)
	inverse := 1 / float64(x.rows.d)
	products(x.rows, y.rows, false, func(_, i, j int, dots []float64) {
		y.classes(func(class, from, to int) {
			n := y.counts[class]
			a, b := max(0, from-j), min(len(dots), to-j)
			if a >= b {
				return
			}
			var sum float64
			if own := i - j; same && from <= i && i < to {
				n--
				if a <= own && own < b {
					sum, a = cubes(dots[a:own], inverse), own+1
				}
			}
			means[i] += (sum + cubes(dots[a:b], inverse)) / float64(n*len(y.counts))
		})
	})
	return means
}
