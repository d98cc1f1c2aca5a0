package analysis

import (
	"math"
	"slices"
)

// Knee returns the index of the point of a front at which giving up a little in one
// objective stops gaining much in another, everything minimised. With each objective
// scaled so that the front's best is 0 and its worst is 1, it is the point farthest
// below the plane sum u = 1, at the distance
//
//	(1 - sum u) / sqrt(d)
//
// In two objectives that plane is the line through the ends of the front (Das 1999,
// "On characterizing the knee of the Pareto curve based on normal-boundary
// intersection"). In more, the plane through the points that are best in one objective
// may not exist or may tilt with a single outlier; the plane through the worst values
// is used instead, as in NSGA-III without its search for extreme points (Deb and Jain
// 2014, section IV-C). An objective in which all points are equal is left out.
//
// ok is false when the front has no knee: fewer than three distinct points, or none
// below the plane, as on a straight or convex-outward front, whose ends are as good a
// compromise as anything between them. Ties go to the first point.
func Knee(front [][]float64) (index int, ok bool) {
	if len(front) < 3 {
		return 0, false
	}
	low, high := ends(front)
	furthest := kneeMargin
	for i, p := range front {
		below, d := 1.0, 0
		for k := range p {
			if high[k] > low[k] {
				below -= (p[k] - low[k]) / (high[k] - low[k])
				d++
			}
		}
		if distance := below / math.Sqrt(float64(max(d, 1))); d > 1 && distance > furthest {
			furthest, index, ok = distance, i, true
		}
	}
	return index, ok
}

// kneeMargin is how far below the plane a knee must lie: by rounding alone points of a
// straight front are some 1e-16 below it.
const kneeMargin = 1e-9

// ends are the least and the greatest value in each coordinate.
func ends(points [][]float64) (low, high []float64) {
	low, high = slices.Clone(points[0]), slices.Clone(points[0])
	for _, p := range points[1:] {
		for k, x := range p {
			low[k], high[k] = min(low[k], x), max(high[k], x)
		}
	}
	return low, high
}
