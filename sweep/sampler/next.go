package sampler

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
)

// ErrWait says that there is nothing to start until a pending trial has ended: every
// configuration has been tried, and the pending result may make a repeat worthwhile.
var ErrWait = errors.New("sampler: nothing to try until a pending trial has ended")

// Decision is what Decide answers: an assignment, or why there is none.
type Decision struct {
	Assignment sweep.Assignment
	Exhausted  bool // every configuration has been tried
	Wait       bool // see ErrWait
}

// Decide is Next for programs that run a sweep: the two ends of a search are fields and
// not errors, and the assignment's reason has the number of results it depends on.
func Decide(r Request) (Decision, error) {
	assignment, err := Next(r)
	switch {
	case errors.Is(err, ErrExhausted):
		return Decision{Exhausted: true}, nil
	case errors.Is(err, ErrWait):
		return Decision{Wait: true}, nil
	case err != nil:
		return Decision{}, err
	}
	seen := len(r.Ledger)
	assignment.Reason.Seen = &seen
	return Decision{Assignment: assignment}, nil
}

// Next decides on the next search trial: a repeat of a configuration where one is
// worthwhile (see race), or a new configuration by the spec's method, trained with
// Train.Seed. It is pure, as Suggest is. Everything that runs trials calls Next and
// not a Sampler.
//
// Request.Index counts repeats, too; the method gets the number of distinct
// configurations instead, so that a grid skips none. After a method's last
// configuration the remaining repeats follow. Then Next returns ErrExhausted, or
// ErrWait while a pending trial may still make a repeat worthwhile.
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
