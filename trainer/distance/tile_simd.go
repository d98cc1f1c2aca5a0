//go:build goexperiment.simd && amd64

package distance

import (
	"math/bits"
	"simd/archsimd"
)

// tileWide is tile. It reports whether this processor can.
func tileWide(a []float64, step int, b, dots []float64, stride int) bool {
	if !archsimd.X86.AVX512() {
		return false
	}
	var (
		zero                                   = archsimd.BroadcastFloat64x8(0)
		s00, s01, s10, s11, s20, s21, s30, s31 = zero, zero, zero, zero, zero, zero, zero, zero
	)
	for len(a) >= tileRows && len(b) >= tileColumns {
		left, right := archsimd.LoadFloat64x8Slice(b[:8]), archsimd.LoadFloat64x8Slice(b[8:16])
		v := archsimd.BroadcastFloat64x8(a[0])
		s00, s01 = v.MulAdd(left, s00), v.MulAdd(right, s01)
		v = archsimd.BroadcastFloat64x8(a[1])
		s10, s11 = v.MulAdd(left, s10), v.MulAdd(right, s11)
		v = archsimd.BroadcastFloat64x8(a[2])
		s20, s21 = v.MulAdd(left, s20), v.MulAdd(right, s21)
		v = archsimd.BroadcastFloat64x8(a[3])
		s30, s31 = v.MulAdd(left, s30), v.MulAdd(right, s31)
		a, b = a[min(step, len(a)):], b[tileColumns:]
	}
	s00.StoreSlice(dots)
	s01.StoreSlice(dots[8:])
	s10.StoreSlice(dots[stride:])
	s11.StoreSlice(dots[stride+8:])
	s20.StoreSlice(dots[2*stride:])
	s21.StoreSlice(dots[2*stride+8:])
	s30.StoreSlice(dots[3*stride:])
	s31.StoreSlice(dots[3*stride+8:])
	return true
}

// squaredWide is squared for the first len(dots)/8*8 elements, and returns their number.
func squaredWide(dots, others []float64, own float64) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
	norm, zero, two := archsimd.BroadcastFloat64x8(own), archsimd.BroadcastFloat64x8(0), archsimd.BroadcastFloat64x8(-2)
	n := len(dots) &^ 7
	for c := 0; c < n; c += 8 {
		v := archsimd.LoadFloat64x8Slice(dots[c:]).MulAdd(two, norm.Add(archsimd.LoadFloat64x8Slice(others[c:])))
		v.Max(zero).StoreSlice(dots[c:])
	}
	return n
}

// cubesWide is cubes for the first len(dots)/8*8 elements, and returns their number.
func cubesWide(dots []float64, inverse float64) (sum float64, n int) {
	if !archsimd.X86.AVX512() {
		return 0, 0
	}
	scale, one, sums := archsimd.BroadcastFloat64x8(inverse), archsimd.BroadcastFloat64x8(1), archsimd.BroadcastFloat64x8(0)
	n = len(dots) &^ 7
	for c := 0; c < n; c += 8 {
		k := archsimd.LoadFloat64x8Slice(dots[c:]).MulAdd(scale, one)
		sums = k.Mul(k).MulAdd(k, sums)
	}
	var lanes [8]float64
	sums.StoreSlice(lanes[:])
	for _, v := range lanes {
		sum += v
	}
	return sum, n
}

// belowWide is below for the first len(values)/8*8 elements, and returns their number.
func belowWide(found []int, values []float64, bound float64, each []float64) ([]int, int) {
	if !archsimd.X86.AVX512() {
		return found, 0
	}
	limit := archsimd.BroadcastFloat64x8(bound)
	n := len(values) &^ 7
	for c := 0; c < n; c += 8 {
		most := limit
		if each != nil {
			most = most.Max(archsimd.LoadFloat64x8Slice(each[c:]))
		}
		for mask := archsimd.LoadFloat64x8Slice(values[c:]).Less(most).ToBits(); mask != 0; mask &= mask - 1 {
			found = append(found, c+bits.TrailingZeros8(mask))
		}
	}
	return found, n
}

// addWide is add for the first len(row)/8*8 elements, and returns their number.
func addWide(sums []float64, row []float32) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
	n := len(row) &^ 7
	for k := 0; k < n; k += 8 {
		archsimd.LoadFloat32x8Slice(row[k:]).ConvertToFloat64().Add(archsimd.LoadFloat64x8Slice(sums[k:])).StoreSlice(sums[k:])
	}
	return n
}

// subtractWide is subtract for the first len(row)/8*8 elements, and returns their number.
func subtractWide(dst []float64, row []float32, mean []float64) int {
	if !archsimd.X86.AVX512() {
		return 0
	}
	n := len(row) &^ 7
	for k := 0; k < n; k += 8 {
		archsimd.LoadFloat32x8Slice(row[k:]).ConvertToFloat64().Sub(archsimd.LoadFloat64x8Slice(mean[k:])).StoreSlice(dst[k:])
	}
	return n
}
