package sweep

import (
	"cmp"
	"math"
	"slices"
)

// standing is a result on its way to a place.
type standing struct {
	trial  int
	costs  []float64 // by objective, less is better; +Inf where a value is missing
	broken float64   // as of RungResult
}

// complete reports whether no objective is missing.
func (r standing) complete() bool { return !slices.Contains(r.costs, math.Inf(1)) }

// dominates reports whether r is at least as good as other in every objective and
// better in one.
func (r standing) dominates(other standing) bool {
	better := false
	for k, c := range r.costs {
		if c > other.costs[k] {
			return false
		}
		better = better || c < other.costs[k]
	}
	return better
}

// place is the place of the last of peers among them, from 1; ahead is how many of
// them have a better non-dominated rank.
func (s *Spec) place(peers []RungResult) (place, ahead int) {
	standings := make([]standing, len(peers))
	for i, r := range peers {
		standings[i] = standing{trial: r.Trial, costs: make([]float64, len(s.Metrics)), broken: r.broken}
		for k, o := range s.Metrics {
			standings[i].costs[k] = o.costAt(r)
		}
	}
	own := standings[len(standings)-1]
	byCost := func(a, b standing) int {
		return cmp.Or(slices.Compare(a.costs, b.costs), cmp.Compare(a.trial, b.trial))
	}
	slices.SortFunc(standings, byCost)
	isOwn := func(r standing) bool { return r.trial == own.trial }
	var whole, breaking, lacking []standing
	for _, r := range standings {
		switch {
		case !r.complete():
			lacking = append(lacking, r)
		case r.broken > 0:
			breaking = append(breaking, r)
		default:
			whole = append(whole, r)
		}
	}
	slices.SortStableFunc(breaking, func(a, b standing) int { return cmp.Compare(a.broken, b.broken) })
	switch {
	case !own.complete():
		ahead = len(whole) + len(breaking)
		return ahead + slices.IndexFunc(lacking, isOwn) + 1, ahead
	case own.broken > 0:
		at := slices.IndexFunc(breaking, isOwn)
		return len(whole) + at + 1, len(whole) + at
	}
	for _, front := range fronts(whole) {
		if slices.ContainsFunc(front, isOwn) {
			return ahead + slices.IndexFunc(uncrowded(front), isOwn) + 1, ahead
		}
		ahead += len(front)
	}
	return len(peers), ahead // not reached: each is in a front
}

// fronts splits sorted standings by non-dominated rank: the first front is
// dominated by none, the second by the first only, and so on. One is dominated by
// such alone as are sorted before it, and when one of a front does, so does one of
// each front before; so its front is found by bisection (Zhang et al. 2015,
// ENS-BS).
func fronts(sorted []standing) [][]standing {
	var found [][]standing
	for _, r := range sorted {
		k, _ := slices.BinarySearchFunc(found, r, func(front []standing, r standing) int {
			for _, other := range slices.Backward(front) {
				if other.dominates(r) {
					return -1
				}
			}
			return 1
		})
		if k == len(found) {
			found = append(found, nil)
		}
		found[k] = append(found[k], r)
	}
	return found
}

// uncrowded orders a front by crowding distance, the loneliest first, ties by
// number: the sum over the objectives of the distance between a member's two
// neighbours, in units of the front's range; infinite at the ends (Deb et al. 2002).
func uncrowded(front []standing) []standing {
	distance := make(map[int]float64, len(front))
	line := slices.Clone(front)
	for k := range front[0].costs {
		slices.SortFunc(line, func(a, b standing) int {
			return cmp.Or(cmp.Compare(a.costs[k], b.costs[k]), cmp.Compare(a.trial, b.trial))
		})
		last := len(line) - 1
		width := line[last].costs[k] - line[0].costs[k]
		if width == 0 { // equal ones have no ends
			continue
		}
		distance[line[0].trial], distance[line[last].trial] = math.Inf(1), math.Inf(1)
		for i := 1; i < last; i++ {
			distance[line[i].trial] += (line[i+1].costs[k] - line[i-1].costs[k]) / width
		}
	}
	slices.SortFunc(line, func(a, b standing) int {
		return cmp.Or(cmp.Compare(distance[b.trial], distance[a.trial]), cmp.Compare(a.trial, b.trial))
	})
	return line
}
