//go:build goexperiment.simd && amd64

package gp

import "simd/archsimd"

// maternsWide is materns, eight at a time; the last eight overlap where the length is
// not a multiple. It returns how many it did, 0 below eight.
func maternsWide(value, slope []float64, factor float64, r2 []float64) int {
	n := len(r2)
	if n < 8 || !archsimd.X86.AVX512() {
		return 0
	}
	last := archsimd.LoadFloat64x8Slice(r2[n-8:]) // value may be r2
	var (
		scale        = archsimd.BroadcastFloat64x8(factor)
		one, zero    = archsimd.BroadcastFloat64x8(1), archsimd.BroadcastFloat64x8(0)
		root5, limit = archsimd.BroadcastFloat64x8(sqrt5), archsimd.BroadcastFloat64x8(farthest)
		toBinary     = archsimd.BroadcastFloat64x8(-log2e)
		shift        = archsimd.BroadcastFloat64x8(round)
		high, low    = archsimd.BroadcastFloat64x8(ln2High), archsimd.BroadcastFloat64x8(ln2Low)
		fiveThirds   = archsimd.BroadcastFloat64x8(5.0 / 3)
		coefficients [12]archsimd.Float64x8
	)
	for i, c := range taylor {
		coefficients[i] = archsimd.BroadcastFloat64x8(c)
	}
	for i := 0; i < n; i += 8 {
		square := last
		if i+8 <= n {
			square = archsimd.LoadFloat64x8Slice(r2[i:])
		} else {
			i = n - 8
		}
		square = scale.Mul(square)
		r := root5.Mul(square.Sqrt())
		capped := r.Min(limit)
		shifted := capped.Mul(toBinary).Add(shift)
		k := shifted.Sub(shift)
		x := zero.Sub(capped).Sub(k.Mul(high))
		x = x.Sub(k.Mul(low))
		series := coefficients[0]
		for _, c := range coefficients[1:] {
			series = series.MulAdd(x, c)
		}
		e := series.AsInt64x8().Add(shifted.AsInt64x8().ShiftAllLeft(52)).AsFloat64x8()
		linear := one.Add(r).Mul(e)
		fiveThirds.Mul(linear).StoreSlice(slope[i:])
		linear.Add(fiveThirds.Mul(square).Mul(e)).StoreSlice(value[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// distancesWide is distances up to the last multiple of eight; it returns how many.
func distancesWide(difference, square, sum, column []float64, at, inverse float64) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
	point, scale := archsimd.BroadcastFloat64x8(at), archsimd.BroadcastFloat64x8(inverse)
	n := len(column) &^ 7
	for i := 0; i < n; i += 8 {
		v := point.Sub(archsimd.LoadFloat64x8Slice(column[i:])).Mul(scale)
		v.StoreSlice(difference[i:])
		v = v.Mul(v)
		v.StoreSlice(square[i:])
		archsimd.LoadFloat64x8Slice(sum[i:]).Add(v).StoreSlice(sum[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// dotWide is dot; ok is false where the processor has no AVX-512.
func dotWide(a, b []float64) (sum float64, ok bool) {
	if !archsimd.X86.AVX512() {
		return 0, false
	}
	first, second := archsimd.BroadcastFloat64x8(0), archsimd.BroadcastFloat64x8(0)
	for len(a) >= 16 && len(b) >= 16 {
		first = first.Add(archsimd.LoadFloat64x8Slice(a).Mul(archsimd.LoadFloat64x8Slice(b)))
		second = second.Add(archsimd.LoadFloat64x8Slice(a[8:]).Mul(archsimd.LoadFloat64x8Slice(b[8:])))
		a, b = a[16:], b[16:]
	}
	if len(a) > 0 {
		first = first.Add(archsimd.LoadFloat64x8SlicePart(a).Mul(archsimd.LoadFloat64x8SlicePart(b)))
	}
	if len(a) > 8 {
		second = second.Add(archsimd.LoadFloat64x8SlicePart(a[8:]).Mul(archsimd.LoadFloat64x8SlicePart(b[8:])))
	}
	sum = total(first.Add(second))
	archsimd.ClearAVXUpperBits()
	return sum, true
}

// dot3Wide is dot3; ok is false where the processor has no AVX-512.
func dot3Wide(a, b, c []float64) (sum float64, ok bool) {
	if !archsimd.X86.AVX512() {
		return 0, false
	}
	first, second := archsimd.BroadcastFloat64x8(0), archsimd.BroadcastFloat64x8(0)
	for len(a) >= 16 && len(b) >= 16 && len(c) >= 16 {
		first = first.Add(archsimd.LoadFloat64x8Slice(a).Mul(archsimd.LoadFloat64x8Slice(b)).Mul(archsimd.LoadFloat64x8Slice(c)))
		second = second.Add(archsimd.LoadFloat64x8Slice(a[8:]).Mul(archsimd.LoadFloat64x8Slice(b[8:])).Mul(archsimd.LoadFloat64x8Slice(c[8:])))
		a, b, c = a[16:], b[16:], c[16:]
	}
	if len(a) > 0 {
		first = first.Add(archsimd.LoadFloat64x8SlicePart(a).Mul(archsimd.LoadFloat64x8SlicePart(b)).Mul(archsimd.LoadFloat64x8SlicePart(c)))
	}
	if len(a) > 8 {
		second = second.Add(archsimd.LoadFloat64x8SlicePart(a[8:]).Mul(archsimd.LoadFloat64x8SlicePart(b[8:])).Mul(archsimd.LoadFloat64x8SlicePart(c[8:])))
	}
	sum = total(first.Add(second))
	archsimd.ClearAVXUpperBits()
	return sum, true
}

// total is the sum of eight, by halves as in fold.
func total(eight archsimd.Float64x8) float64 {
	four := eight.GetLo().Add(eight.GetHi())
	two := four.GetLo().Add(four.GetHi())
	return two.GetElem(0) + two.GetElem(1)
}

// lowerTimesWide is lowerTimes up to the last multiple of four rows; it returns how
// many.
func lowerTimesWide(y, lower, x []float64) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
	n := len(x)
	i := 0
	for ; i+4 <= n; i += 4 {
		a, b, c, d := lower[i*n:i*n+i+4], lower[(i+1)*n:(i+1)*n+i+4], lower[(i+2)*n:(i+2)*n+i+4], lower[(i+3)*n:(i+3)*n+i+4]
		v := x[:i+4]
		zero := archsimd.BroadcastFloat64x8(0)
		s0, s1, s2, s3 := zero, zero, zero, zero
		for len(v) >= 8 && len(a) >= 8 && len(b) >= 8 && len(c) >= 8 && len(d) >= 8 {
			at := archsimd.LoadFloat64x8Slice(v)
			s0 = s0.Add(archsimd.LoadFloat64x8Slice(a).Mul(at))
			s1 = s1.Add(archsimd.LoadFloat64x8Slice(b).Mul(at))
			s2 = s2.Add(archsimd.LoadFloat64x8Slice(c).Mul(at))
			s3 = s3.Add(archsimd.LoadFloat64x8Slice(d).Mul(at))
			v, a, b, c, d = v[8:], a[8:], b[8:], c[8:], d[8:]
		}
		if len(v) > 0 {
			at := archsimd.LoadFloat64x8SlicePart(v)
			s0 = s0.Add(archsimd.LoadFloat64x8SlicePart(a).Mul(at))
			s1 = s1.Add(archsimd.LoadFloat64x8SlicePart(b).Mul(at))
			s2 = s2.Add(archsimd.LoadFloat64x8SlicePart(c).Mul(at))
			s3 = s3.Add(archsimd.LoadFloat64x8SlicePart(d).Mul(at))
		}
		y[i], y[i+1], y[i+2], y[i+3] = total(s0), total(s1), total(s2), total(s3)
	}
	archsimd.ClearAVXUpperBits()
	return i
}

// rowAdd is rowAddPlain, eight at a time where the processor can.
func rowAdd(y []float64, factor float64, x []float64) {
	if !archsimd.X86.AVX512() {
		rowAddPlain(y, factor, x)
		return
	}
	f := archsimd.BroadcastFloat64x8(factor)
	for len(x) >= 8 && len(y) >= 8 {
		archsimd.LoadFloat64x8Slice(y).Add(f.Mul(archsimd.LoadFloat64x8Slice(x))).StoreSlice(y)
		x, y = x[8:], y[8:]
	}
	if len(x) > 0 {
		archsimd.LoadFloat64x8SlicePart(y).Add(f.Mul(archsimd.LoadFloat64x8SlicePart(x))).StoreSlicePart(y[:len(x)])
	}
}

// rowAdd4 is rowAdd4Plain, eight at a time where the processor can.
func rowAdd4(y []float64, factors [4]float64, x []float64, stride int) {
	if !archsimd.X86.AVX512() {
		rowAdd4Plain(y, factors, x, stride)
		return
	}
	f0, f1 := archsimd.BroadcastFloat64x8(factors[0]), archsimd.BroadcastFloat64x8(factors[1])
	f2, f3 := archsimd.BroadcastFloat64x8(factors[2]), archsimd.BroadcastFloat64x8(factors[3])
	x0, x1, x2, x3 := x[:len(y)], x[stride:stride+len(y)], x[2*stride:2*stride+len(y)], x[3*stride:3*stride+len(y)]
	for len(y) >= 8 && len(x0) >= 8 && len(x1) >= 8 && len(x2) >= 8 && len(x3) >= 8 {
		sum := archsimd.LoadFloat64x8Slice(y).Add(f0.Mul(archsimd.LoadFloat64x8Slice(x0)))
		sum = sum.Add(f1.Mul(archsimd.LoadFloat64x8Slice(x1)))
		sum = sum.Add(f2.Mul(archsimd.LoadFloat64x8Slice(x2)))
		sum.Add(f3.Mul(archsimd.LoadFloat64x8Slice(x3))).StoreSlice(y)
		y, x0, x1, x2, x3 = y[8:], x0[8:], x1[8:], x2[8:], x3[8:]
	}
	if len(y) > 0 {
		sum := archsimd.LoadFloat64x8SlicePart(y).Add(f0.Mul(archsimd.LoadFloat64x8SlicePart(x0)))
		sum = sum.Add(f1.Mul(archsimd.LoadFloat64x8SlicePart(x1)))
		sum = sum.Add(f2.Mul(archsimd.LoadFloat64x8SlicePart(x2)))
		sum.Add(f3.Mul(archsimd.LoadFloat64x8SlicePart(x3))).StoreSlicePart(y)
	}
}

// endRows clears the upper halves of the vector registers.
func endRows() {
	if archsimd.X86.AVX512() {
		archsimd.ClearAVXUpperBits()
	}
}
