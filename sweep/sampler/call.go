package sampler

import (
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// draws is how many random points are tried before the space is assumed to be nearly
// used up and its untried configurations are listed.
const draws = 256

// call is one call of Suggest: the request and what the methods derive from it.
type call struct {
	Request
	cube   *space.Cube
	rng    *rand.Rand
	seen   *tried // nil before its first use
	reason sweep.Reason

	learned *learned
	probing *prior // the trial is a probe of this one, see advised
}

func newCall(r Request) *call {
	r = joined(r)
	c := &call{Request: r, cube: space.NewCube(r.Spec), rng: randomOf(r), reason: sweep.Reason{Sampler: string(r.Spec.Method)}, learned: new(learned)}
	if r.batch != nil {
		if r.batch.learned == nil {
			r.batch.learned = c.learned
		}
		c.learned = r.batch.learned
	}
	return c
}

// tried reports whether a configuration is not suggested again.
func (c *call) tried(params sweep.Params) bool {
	if c.seen == nil {
		seen := newTried(c.Request)
		c.seen = &seen
	}
	return c.seen.has(params)
}

// untried draws points until one is an untried configuration; ok is false when none of
// many is.
func (c *call) untried(point func() []float64) (params sweep.Params, ok bool) {
	for range draws {
		if params = c.cube.Params(point()); !c.tried(params) {
			return params, true
		}
	}
	return nil, false
}

// random suggests a random untried configuration; note is the reason.
func (c *call) random(note string) (sweep.Params, sweep.Reason, error) {
	c.reason.Note = note
	draw := func() []float64 { return c.cube.Draw(c.rng) }
	// With the seed of an earlier sweep the draws are its configurations.
	earlier := len(c.Ledger) > 0 && c.Ledger[0].Number < 0
	if !c.cube.Recurs() && !earlier {
		return c.cube.Params(draw()), c.reason, nil
	}
	if params, ok := c.untried(draw); ok {
		return params, c.reason, nil
	}
	var all []sweep.Params
	listed := c.cube.Finite() // where infinite, the draws repeated exact zeros and categories
	if listed {
		all, listed = c.cube.All()
	}
	if !listed {
		return c.cube.Params(draw()), c.reason, nil
	}
	left := slices.DeleteFunc(all, func(p sweep.Params) bool { return c.tried(p) })
	if len(left) == 0 {
		return nil, c.reason, ErrExhausted
	}
	return left[c.rng.IntN(len(left))], c.reason, nil
}

// sobol suggests the configuration at the sequence's point, for the reason note, or a
// random one where that was tried, for the reason otherwise.
func (c *call) sobol(note, otherwise string) (sweep.Params, sweep.Reason, error) {
	if params := c.cube.Params(sobolPoint(c.cube, c.Request)); !c.tried(params) {
		c.reason.Note = note
		return params, c.reason, nil
	}
	return c.random(otherwise)
}

// first suggests what a method that learns suggests before it has enough results.
func (c *call) first(note string) (sweep.Params, sweep.Reason, error) {
	note += ": a point of the Sobol sequence"
	return c.sobol(note, note)
}
