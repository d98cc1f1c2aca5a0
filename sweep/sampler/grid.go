package sampler

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// grid takes the configurations of space.Grid in order: trial Index has configuration
// Index, whatever finished before, so that a grid is the same at any concurrency. Where
// that one has been tried, because a user asked for it or edited the grid, the next one
// that has not follows.
type grid struct{}

func (grid) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	points, seen := space.Grid(r.Spec), newTried(joined(r))
	for k := range points {
		i := (r.Index + k) % len(points)
		if !seen.has(points[i]) {
			return points[i], sweep.Reason{Sampler: string(sweep.MethodGrid), Note: fmt.Sprintf("configuration %d of %d", i+1, len(points))}, nil
		}
	}
	return nil, sweep.Reason{}, ErrExhausted
}
