package sampler

import (
	"cmp"
	"slices"

	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// ranked returns the indices of list from the best observation to the worst:
//
//  1. completed configurations that satisfy every constraint, by non-dominated front, and
//     within a front by crowding distance, the largest first;
//  2. completed ones that violate a constraint, by violation;
//  3. stopped ones, later rungs first, then by front;
//  4. diverged ones.
//
// This is constrained domination (Deb 2002, section VI), followed by the outcomes
// without values. Ties go by trial number. With one metric it is the order of its
// values.
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
		values := make([][]float64, len(group))
		for at, i := range group {
			values[at] = list[i].values
		}
		for rank, members := range analysis.Fronts(values) {
			for j, d := range analysis.Crowding(values, members) {
				i := group[members[j]]
				front[i], distance[i] = rank, d
			}
		}
	}
	place(feasible)
	for _, group := range halted { // each group writes to its own members only
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
