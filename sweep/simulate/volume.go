package simulate

import (
	"cmp"
	"math"
	"slices"
)

// volume is the hypervolume that points dominate below reference (minimised), by
// slicing along the last objective. Points beyond the reference count nothing.
func volume(points [][]float64, reference []float64) float64 {
	m := len(reference)
	inside := slices.DeleteFunc(slices.Clone(points), func(p []float64) bool {
		for k := range reference {
			if !(p[k] < reference[k]) {
				return true
			}
		}
		return false
	})
	if len(inside) == 0 {
		return 0
	}
	if m == 1 {
		return reference[0] - slices.MinFunc(inside, func(a, b []float64) int { return cmp.Compare(a[0], b[0]) })[0]
	}
	slices.SortStableFunc(inside, func(a, b []float64) int { return cmp.Compare(a[m-1], b[m-1]) })
	if m == 2 {
		total, left := 0.0, reference[0]
		for i, p := range inside {
			left = math.Min(left, p[0])
			up := reference[1]
			if i+1 < len(inside) {
				up = inside[i+1][1]
			}
			total += (reference[0] - left) * (up - p[1])
		}
		return total
	}
	total := 0.0
	for i := range inside {
		up := reference[m-1]
		if i+1 < len(inside) {
			up = inside[i+1][m-1]
		}
		if up > inside[i][m-1] {
			total += volume(inside[:i+1], reference[:m-1]) * (up - inside[i][m-1])
		}
	}
	return total
}
