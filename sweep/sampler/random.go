package sampler

import "github.com/tailsweep/tailsweep/sweep"

// random draws each parameter from its distribution, independently.
type random struct{}

func (random) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	return newCall(r).random("")
}
