//go:build goexperiment.simd && amd64

package gp

import "simd/archsimd"

// maternsWide is materns of the first multiple of eight; it returns how many.
func maternsWide(value, slope, r2 []float64) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
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
	n := len(r2) &^ 7
	for i := 0; i < n; i += 8 {
		square := archsimd.LoadFloat64x8Slice(r2[i:])
		r := root5.Mul(square.Sqrt())
		capped := r.Min(limit)
		shifted := capped.Mul(toBinary).Add(shift)
		k := shifted.Sub(shift)
		x := zero.Sub(capped).Sub(k.Mul(high))
		x = x.Sub(k.Mul(low))
		series := coefficients[0]
		for _, c := range coefficients[1:] {
			series = series.Mul(x).Add(c)
		}
		e := series.AsInt64x8().Add(shifted.AsInt64x8().ShiftAllLeft(52)).AsFloat64x8()
		s := fiveThirds.Mul(one.Add(r).Mul(e))
		s.StoreSlice(slope[i:])
		s.Div(fiveThirds).Add(fiveThirds.Mul(square).Mul(e)).StoreSlice(value[i:])
	}
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
	return n
}
