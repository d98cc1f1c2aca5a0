package sampler

import (
	"cmp"
	"math"
	"slices"
)

// ranked returns the indices of list from the best observation to the worst:
//
//  1. completed points where every constraint holds, by non-dominated front and
//     within a front by crowding distance, the loneliest first;
//  2. completed points that violate a constraint, by violation;
//  3. stopped points, the later their rung the better, then by front;
//  4. diverged points.
//
// This is constrained domination (Deb 2002, section VI) with the outcomes that
// are no values put behind it. Ties go by trial number. With one metric it is the
// order of its values.
func ranked(list []observation) []int {
	order := make([]int, len(list))
	feasible, halted := make([]int, 0, len(list)), make(map[int][]int)
	for i, o := range list {
		order[i] = i
		switch {
		case o.outcome == completed && o.violation == 0:
			feasible = append(feasible, i)
		case o.outcome == stopped && o.values != nil:
			halted[o.step] = append(halted[o.step], i)
		}
	}
	front, distance := make([]int, len(list)), make([]float64, len(list))
	place := func(group []int) {
		for rank, members := range fronts(list, group) {
			for _, i := range members {
				front[i] = rank
			}
			for j, d := range crowding(list, members) {
				distance[members[j]] = d
			}
		}
	}
	place(feasible)
	for _, group := range halted { // each writes to its own members alone
		place(group)
	}
	class := func(o observation) int {
		switch {
		case o.outcome == diverged:
			return 4
		case o.outcome == stopped && o.values == nil:
			return 3
		case o.outcome == stopped:
			return 2
		case o.violation > 0:
			return 1
		}
		return 0
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(class(list[a]), class(list[b])),
			cmp.Compare(list[a].violation, list[b].violation),
			cmp.Compare(list[b].step, list[a].step),
			cmp.Compare(front[a], front[b]),
			cmp.Compare(distance[b], distance[a]),
			cmp.Compare(list[a].number, list[b].number),
			cmp.Compare(a, b))
	})
	return order
}

// fronts divides members (indices of list) into non-dominated fronts, the best
// first, by efficient non-dominated sort with binary search (Zhang et al. 2015):
// O(m n log n) at best, O(m n^2) at worst, for m values.
func fronts(list []observation, members []int) [][]int {
	order := slices.Clone(members)
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(list[a].values, list[b].values) })
	var found [][]int
	for _, i := range order { // none later dominates an earlier one
		at, _ := slices.BinarySearchFunc(found, i, func(front []int, i int) int {
			for j := len(front) - 1; j >= 0; j-- {
				if dominates(list[front[j]].values, list[i].values) {
					return -1
				}
			}
			return 1
		})
		if at == len(found) {
			found = append(found, nil)
		}
		found[at] = append(found[at], i)
	}
	return found
}

// dominates reports whether a is nowhere worse than b and somewhere better.
func dominates(a, b []float64) bool {
	better := false
	for i := range a {
		if a[i] > b[i] {
			return false
		}
		better = better || a[i] < b[i]
	}
	return better
}

// crowding returns the crowding distance of each member of a front (Deb 2002,
// section III.B): the sum over metrics of the gap between its two neighbours over
// the front's range, +Inf at the ends. With one metric every distance is 0.
func crowding(list []observation, members []int) []float64 {
	distance := make([]float64, len(members))
	if len(members) == 0 || len(list[members[0]].values) < 2 {
		return distance
	}
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	last := len(order) - 1
	for k := range list[members[0]].values {
		value := func(i int) float64 { return list[members[order[i]]].values[k] }
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(list[members[a]].values[k], list[members[b]].values[k]), cmp.Compare(members[a], members[b]))
		})
		// Halves, since the difference of two finite numbers may not be finite.
		span := value(last)/2 - value(0)/2
		distance[order[0]], distance[order[last]] = math.Inf(1), math.Inf(1)
		if span == 0 {
			continue
		}
		for i := 1; i < last; i++ {
			distance[order[i]] += (value(i+1)/2 - value(i-1)/2) / span
		}
	}
	return distance
}
