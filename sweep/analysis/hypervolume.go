package analysis

import (
	"cmp"
	"slices"
)

// Hypervolume returns the volume of the region that points dominate and that lies
// below reference, everything minimised:
//
//	volume of the union over p of [p_1, r_1] x ... x [p_d, r_d]
//
// It is exact for any number of objectives. A point that is not below the reference in
// every objective adds nothing, nor does one that is dominated or has a NaN. It does
// not change points.
//
// One and two objectives take O(n log n). With three or more, points are taken from
// the worst to the best in their last objective, and each adds what none of the better
// ones covers (While, Bradstreet and Barone 2012, "A Fast Way of Calculating Exact
// Hypervolumes", IEEE TEC 16(1), section III):
//
//	(r_d - p_d) * (box(p) - Hypervolume of {max(p, q): q after p})
//
// both without objective d, in which all of them reach p_d.
func Hypervolume(points [][]float64, reference []float64) float64 {
	var below [][]float64
	for _, p := range points {
		inside := true
		for k, r := range reference {
			inside = inside && p[k] < r
		}
		if inside {
			below = append(below, p)
		}
	}
	return volume(pick(below, NonDominated(below)), reference)
}

// volume is Hypervolume of points below the reference. It uses only the objectives
// that the reference has, and reorders points.
func volume(points [][]float64, reference []float64) float64 {
	last := len(reference) - 1
	switch {
	case len(points) == 0:
		return 0
	case last == 0:
		best := reference[0]
		for _, p := range points {
			best = min(best, p[0])
		}
		return reference[0] - best
	case last == 1:
		return area(points, reference)
	}
	slices.SortFunc(points, func(a, b []float64) int { return cmp.Compare(b[last], a[last]) })
	sum := 0.0
	for i, p := range points {
		box := 1.0
		for k := range last {
			box *= reference[k] - p[k]
		}
		limited := make([][]float64, 0, len(points)-i-1)
		for _, q := range points[i+1:] {
			worse := make([]float64, last)
			for k := range worse {
				worse[k] = max(p[k], q[k])
			}
			limited = append(limited, worse)
		}
		if last > 2 { // area skips dominated points itself
			limited = pick(limited, NonDominated(limited))
		}
		sum += (reference[last] - p[last]) * (box - volume(limited, reference[:last]))
	}
	return sum
}

// area is volume of two objectives.
func area(points [][]float64, reference []float64) float64 {
	slices.SortFunc(points, func(a, b []float64) int { return cmp.Compare(a[0], b[0]) })
	sum, lowest := 0.0, reference[1]
	for _, p := range points {
		if p[1] < lowest {
			sum += (reference[0] - p[0]) * (lowest - p[1])
			lowest = p[1]
		}
	}
	return sum
}

func pick[T any](list []T, indices []int) []T {
	picked := make([]T, len(indices))
	for i, at := range indices {
		picked[i] = list[at]
	}
	return picked
}
