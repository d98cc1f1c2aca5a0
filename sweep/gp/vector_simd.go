//go:build goexperiment.simd && amd64

package gp

import "simd/archsimd"

// maternsWide is materns of eight at a time, the last eight once more where they
// are no multiple; it returns how many, none of fewer than eight. value may be r2.
func maternsWide(value, slope, r2 []float64) int {
	n := len(r2)
	if n < 8 || !archsimd.X86.AVX512() {
		return 0
	}
	last := archsimd.LoadFloat64x8Slice(r2[n-8:])
	var (
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

// distancesWide is distances of the first multiple of eight; it returns how many.
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

// dotWide is dot where it can be; ok says whether.
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
	eight := first.Add(second)
	four := eight.GetLo().Add(eight.GetHi())
	two := four.GetLo().Add(four.GetHi())
	sum = two.GetElem(0) + two.GetElem(1)
	archsimd.ClearAVXUpperBits()
	return sum, true
}

// invertWide is the objective's invert where it can be; ok says whether.
func invertWide(whole, lower, matrix []float64, n int) (ok bool) {
	if !archsimd.X86.AVX512() {
		return false
	}
	for k := range n {
		row := lower[k*n : k*n+k+1]
		clear(row)
		for i := range k {
			rowAdd(row, matrix[i*n+k], lower[i*n:i*n+i+1])
		}
		diagonal := 1 / matrix[k*n+k]
		for i := range row {
			row[i] *= -diagonal
		}
		row[k] = diagonal
		for i, v := range row {
			rowAdd(whole[i*n+i:i*n+k+1], v, row[i:])
		}
	}
	archsimd.ClearAVXUpperBits()
	return true
}

// rowAdd is addScaled, for many calls: the registers are not cleared.
func rowAdd(y []float64, factor float64, x []float64) {
	f := archsimd.BroadcastFloat64x8(factor)
	for len(x) >= 8 && len(y) >= 8 {
		archsimd.LoadFloat64x8Slice(y).Add(f.Mul(archsimd.LoadFloat64x8Slice(x))).StoreSlice(y)
		x, y = x[8:], y[8:]
	}
	if len(x) > 0 {
		archsimd.LoadFloat64x8SlicePart(y).Add(f.Mul(archsimd.LoadFloat64x8SlicePart(x))).StoreSlicePart(y[:len(x)])
	}
}

// addScaledWide is addScaled of the first multiple of eight; it returns how many.
func addScaledWide(y []float64, factor float64, x []float64) int {
	if len(x) < 8 || !archsimd.X86.AVX512() {
		return 0
	}
	f := archsimd.BroadcastFloat64x8(factor)
	n := len(x) &^ 7
	for i := 0; i < n; i += 8 {
		archsimd.LoadFloat64x8Slice(y[i:]).Add(f.Mul(archsimd.LoadFloat64x8Slice(x[i:]))).StoreSlice(y[i:])
	}
	archsimd.ClearAVXUpperBits()
	return n
}
