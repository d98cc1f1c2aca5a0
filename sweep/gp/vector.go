package gp

// dot is sum_i a_i b_i, in sixteen partial sums that are added at the end: as many as
// a processor with AVX-512 adds at a time. The order, which determines the bits, is
// the same without one.
func dot(a, b []float64) float64 {
	if sum, ok := dotWide(a, b); ok {
		return sum
	}
	return dotPlain(a, b)
}

func dotPlain(a, b []float64) float64 {
	var sums [16]float64
	for i, v := range a {
		sums[i%16] += float64(v * b[i])
	}
	return fold(sums[:])
}

// dot3 is sum_i a_i b_i c_i, as dot.
func dot3(a, b, c []float64) float64 {
	if sum, ok := dot3Wide(a, b, c); ok {
		return sum
	}
	return dot3Plain(a, b, c)
}

func dot3Plain(a, b, c []float64) float64 {
	var sums [16]float64
	for i, v := range a {
		sums[i%16] += float64(float64(v*b[i]) * c[i])
	}
	return fold(sums[:])
}

// fold adds the second half of sums to the first, repeatedly; their number is a power
// of two.
func fold(sums []float64) float64 {
	for half := len(sums) / 2; half > 0; half /= 2 {
		for i := range half {
			sums[i] += sums[i+half]
		}
	}
	return sums[0]
}

// lowerTimes fills y with the product of a lower triangular matrix, `[n n]`, and x,
// `[n]`; in eight partial sums a row, as dot has sixteen.
func lowerTimes(y, lower, x []float64) {
	n := len(x)
	for i := lowerTimesWide(y, lower, x); i < n; i++ {
		y[i] = dot8(lower[i*n:i*n+i+1], x)
	}
}

func dot8(a, b []float64) float64 {
	var sums [8]float64
	for i, v := range a {
		sums[i%8] += float64(v * b[i])
	}
	return fold(sums[:])
}

// addScaled adds factor times x to y.
func addScaled(y []float64, factor float64, x []float64) {
	rowAdd(y, factor, x)
	endRows()
}

// rowAddPlain is rowAdd, which is addScaled for many calls in a row: after the last
// one the caller calls endRows, since gonum's SSE code runs at a fraction of its
// speed while vector registers are not cleared.
func rowAddPlain(y []float64, factor float64, x []float64) {
	for i, v := range x {
		y[i] += float64(factor * v)
	}
}

// rowAdd4Plain is rowAdd4: rowAdd of four rows of x, stride apart, one after the
// other.
func rowAdd4Plain(y []float64, factors [4]float64, x []float64, stride int) {
	for r, f := range factors {
		for i, v := range x[r*stride : r*stride+len(y)] {
			y[i] += float64(f * v)
		}
	}
}
