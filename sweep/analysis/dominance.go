package analysis

import (
	"cmp"
	"math"
	"slices"
)

// NonDominated returns the indices, ascending, of the points that no other dominates:
// none is at most as large in every coordinate and smaller in one. Equal points are
// both kept. No coordinate may be NaN.
//
// In lexicographic order a point is only dominated by an earlier one that is itself
// not dominated, so each is compared with the front found so far: O(n log n) for two
// objectives and O(n * front) for more (Kung, Luccio and Preparata 1975).
func NonDominated(points [][]float64) []int {
	order := lexicographic(points)
	var front []int
	for _, i := range order {
		p := points[i]
		dominated := false
		if len(p) == 2 && len(front) > 0 {
			// The last of a front of two objectives is its lowest in the second.
			q := points[front[len(front)-1]]
			dominated = q[1] < p[1] || q[1] == p[1] && q[0] < p[0]
		} else {
			dominated = slices.ContainsFunc(front, func(j int) bool { return Beats(points[j], p) })
		}
		if !dominated {
			front = append(front, i)
		}
	}
	slices.Sort(front)
	return front
}

// lexicographic lists the indices of points in lexicographic order, ties by index.
func lexicographic(points [][]float64) []int {
	order := indices(len(points))
	slices.SortStableFunc(order, func(i, j int) int { return slices.Compare(points[i], points[j]) })
	return order
}

// indices lists 0 to n-1.
func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// Beats reports whether p dominates q.
func Beats(p, q []float64) bool {
	smaller := false
	for k := range p {
		if p[k] > q[k] {
			return false
		}
		smaller = smaller || p[k] < q[k]
	}
	return smaller
}

// Fronts divides points into non-dominated fronts, as lists of their indices: the
// first is dominated by none, the second by the first only, and so on. No coordinate
// may be NaN; equal points are in one front. A front is in lexicographic order of its
// points, ties by index.
//
// A point is only dominated by points before it in that order, and where a member of
// one front dominates it, so does a member of each front before; so its front is found
// by bisection (Zhang et al. 2015, ENS-BS): O(d n log n) at best, O(d n^2) at worst,
// for d coordinates.
func Fronts(points [][]float64) [][]int {
	order := lexicographic(points)
	var fronts [][]int
	for _, i := range order {
		at, _ := slices.BinarySearchFunc(fronts, points[i], func(front []int, p []float64) int {
			for _, j := range slices.Backward(front) {
				if Beats(points[j], p) {
					return -1
				}
			}
			return 1
		})
		if at == len(fronts) {
			fronts = append(fronts, nil)
		}
		fronts[at] = append(fronts[at], i)
	}
	return fronts
}

// Crowding returns the crowding distance of each member of a front, given as indices
// of points: the sum over the coordinates of the gap between a member's neighbours, in
// units of the front's range, +Inf at the ends (Deb et al. 2002, NSGA-II, section
// III.B). A coordinate in which all members are equal has no ends and adds nothing.
// Coordinates are finite.
func Crowding(points [][]float64, front []int) []float64 {
	distance := make([]float64, len(front))
	if len(front) == 0 {
		return distance
	}
	order := indices(len(front))
	last := len(order) - 1
	for k := range points[front[0]] {
		value := func(i int) float64 { return points[front[order[i]]][k] }
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(points[front[a]][k], points[front[b]][k]), cmp.Compare(front[a], front[b]))
		})
		// Divide first: the difference of two finite numbers can overflow.
		span := value(last)/2 - value(0)/2
		if span == 0 {
			continue
		}
		distance[order[0]], distance[order[last]] = math.Inf(1), math.Inf(1)
		for i := 1; i < last; i++ {
			distance[order[i]] += (value(i+1)/2 - value(i-1)/2) / span
		}
	}
	return distance
}
