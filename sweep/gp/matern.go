package gp

import "math"

// sqrt5 is the factor of the Matern-5/2 kernel's distance.
const sqrt5 = 2.23606797749978969640917366873127623544

// matern52 is the Matern-5/2 kernel of Rasmussen and Williams 2006, eq. 4.17, of
// a squared distance,
//
//	value = (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r) in [0, 1]
//	slope = -2 dk/d(r^2) = 5/3 (1 + sqrt5 r) exp(-sqrt5 r)
//
// With r^2 = sum_k (D_k/l_k)^2, dk/d(ln l_k) = slope (D_k/l_k)^2, which has no
// singularity at r = 0.
func matern52(r2 float64) (value, slope float64) {
	r := sqrt5 * math.Sqrt(r2)
	e := decay(r)
	linear := float64((1 + r) * e)
	return linear + float64((5.0/3*r2)*e), 5.0 / 3 * linear
}

// materns is matern52 of factor times each of r2, into value and slope, all of one
// length; value may be r2.
// Where the processor has AVX-512 it takes eight at a time, by the same
// operations in the same order: the results are equal bit for bit.
func materns(value, slope []float64, factor float64, r2 []float64) {
	done := maternsWide(value, slope, factor, r2)
	for i := done; i < len(r2); i++ {
		value[i], slope[i] = matern52(factor * r2[i])
	}
}

// distances fills difference with (at - column_i) inverse and square with its
// square, and adds the latter to sum; eight at a time as materns.
func distances(difference, square, sum, column []float64, at, inverse float64) {
	done := distancesWide(difference, square, sum, column, at, inverse)
	for i := done; i < len(column); i++ {
		v := (at - column[i]) * inverse
		difference[i], square[i] = v, v*v
		sum[i] += square[i]
	}
}

// The numbers of decay. log2e and ln2 are as usual; ln2 is split so that k times
// its first part is exact; round added and taken away rounds to an integer, whose
// bits are then the lowest of the sum.
const (
	farthest = 700.0
	log2e    = 1.44269504088896340735992468100189214
	ln2High  = 6.93147180369123816490e-01
	ln2Low   = 1.90821492927058770002e-10
	round    = 6755399441055744.0 // 1.5 * 2^52
)

// taylor are 1/11!, 1/10!, ... 1/2!, 1, 1.
var taylor = [12]float64{
	1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
	1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
}

// decay returns exp(-r) for r >= 0, to 1e-13 relative up to r = 700 and exp(-700)
// beyond: with x = -r - k ln2, |x| <= ln2/2, it is 2^k times the Taylor series of
// exp(x). It is written with what vectors have: no branch and no table.
func decay(r float64) float64 {
	r = min(r, farthest)
	shifted := r*-log2e + round
	k := shifted - round
	x := float64(0-r) - float64(k*ln2High)
	x -= float64(k * ln2Low)
	series := taylor[0]
	for _, c := range taylor[1:] {
		series = math.FMA(series, x, c)
	}
	return math.Float64frombits(math.Float64bits(series) + math.Float64bits(shifted)<<52)
}
