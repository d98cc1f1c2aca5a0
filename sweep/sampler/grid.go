package sampler

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// grid takes the configurations of space.Grid in order: trial Index has configuration
// Index, whatever finished before, so that a grid is the same at any concurrency.
type grid struct{}

func (grid) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	points := space.Grid(r.Spec)
	if r.Index >= len(points) {
		return nil, sweep.Reason{}, ErrExhausted
	}
	reason := sweep.Reason{Sampler: string(sweep.MethodGrid), Note: fmt.Sprintf("configuration %d of %d", r.Index+1, len(points))}
	return points[r.Index], reason, nil
}
