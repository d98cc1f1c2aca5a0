package stopping

import (
	"cmp"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// standing is a result at a rung with the costs that it is ranked by.
type standing struct {
	trial      int
	costs      []float64 // by objective, less is better; +Inf where a value is missing
	infeasible bool      // as in RungResult
}

// complete reports whether the result has every objective.
func (r standing) complete() bool { return !slices.Contains(r.costs, math.Inf(1)) }

// standingOf returns the place of the last of peers, from 1, and how many of them have a
// better non-dominated rank. The last of peers must not be infeasible.
func standingOf(s *sweep.Spec, peers []RungResult) (place, ahead int) {
	standings := make([]standing, len(peers))
	for i, r := range peers {
		standings[i] = standing{trial: r.Trial, costs: make([]float64, len(s.Metrics)), infeasible: r.Infeasible}
		for k, o := range s.Metrics {
			standings[i].costs[k] = costAt(o, r)
		}
	}
	own := standings[len(standings)-1]
	slices.SortFunc(standings, func(a, b standing) int {
		return cmp.Or(slices.Compare(a.costs, b.costs), cmp.Compare(a.trial, b.trial))
	})
	isOwn := func(r standing) bool { return r.trial == own.trial }
	var complete, incomplete []standing
	infeasible := 0
	for _, r := range standings {
		switch {
		case !r.complete():
			incomplete = append(incomplete, r)
		case r.infeasible:
			infeasible++
		default:
			complete = append(complete, r)
		}
	}
	if !own.complete() {
		ahead = len(complete) + infeasible
		return ahead + slices.IndexFunc(incomplete, isOwn) + 1, ahead
	}
	slices.SortFunc(complete, func(a, b standing) int { return cmp.Compare(a.trial, b.trial) })
	costs := make([][]float64, len(complete))
	for i, r := range complete {
		costs[i] = r.costs
	}
	at := slices.IndexFunc(complete, isOwn)
	for _, front := range analysis.Fronts(costs) {
		if i := slices.Index(front, at); i >= 0 {
			return ahead + crowdingPlace(costs, front, i), ahead
		}
		ahead += len(front)
	}
	panic("stopping: a result that is in no front")
}

// crowdingPlace returns the place of member i in its front, from 1: the one with the
// greatest crowding distance is first, ties go to the lower index.
func crowdingPlace(costs [][]float64, front []int, i int) int {
	distance, place := analysis.Crowding(costs, front), 1
	for j, d := range distance {
		if d > distance[i] || d == distance[i] && front[j] < front[i] {
			place++
		}
	}
	return place
}
