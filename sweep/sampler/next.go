package sampler

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
)

// ErrWait says that there is nothing to try until a pending trial has ended: no
// untried point is left, and its result may decide who deserves a repeat.
var ErrWait = errors.New("sampler: nothing to try until a pending trial has ended")

// Next decides on the next search trial: the repeat of a point that deserves one
// (see race), or a new point by the spec's method, trained with Train.Seed. It is
// pure as Suggest is, and the one entry for whoever runs trials.
//
// Request.Index counts repeats, too; the method is told the number of distinct
// points instead, so that a grid skips none. After a method's last point the
// repeats that are deserved follow; then comes ErrExhausted, or ErrWait before it
// while a pending trial may make one deserved.
func Next(r Request) (sweep.Assignment, error) {
	method, err := New(r.Spec.Method)
	if err != nil {
		return sweep.Assignment{}, err
	}
	race := newRace(r)
	if !race.early() {
		if a, ok := race.next(); ok {
			return a, nil
		}
	}
	fresh := r
	fresh.Index = r.Index - race.repeats
	params, reason, err := method.Suggest(fresh)
	switch {
	case err == nil:
		return sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: r.Spec.Train.Seed, Reason: reason}, nil
	case !errors.Is(err, ErrExhausted):
		return sweep.Assignment{}, err
	}
	if len(r.Pending) == 0 || !race.few() {
		if a, ok := race.next(); ok {
			return a, nil
		}
	}
	if race.allowed() && len(r.Pending) > 0 {
		return sweep.Assignment{}, ErrWait
	}
	return sweep.Assignment{}, err
}
