package sampler

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Decision is an assignment, or why there is none.
type Decision struct {
	Assignment sweep.Assignment
	Exhausted  bool // every configuration has been tried
	Wait       bool // likewise, but the result of a pending trial may make a repeat worthwhile
}

// Next decides on the next search trial: a repeat of a configuration where one is
// worthwhile (see race), or a new configuration by the spec's method, trained with
// Train.Seed. It is pure, as Suggest is. Everything that runs trials calls Next and
// not a Sampler. The reason of an assignment has the number of results it depends on.
//
// Request.Index counts repeats, too; the method gets the number of distinct
// configurations instead, so that a grid skips none. The remaining repeats follow a
// method's last configuration.
func Next(r Request) (Decision, error) {
	seen := len(r.Ledger)
	if r.Edited {
		r = fit(r)
	}
	method, err := New(r.Spec.Method)
	if err != nil {
		return Decision{}, err
	}
	start := func(a sweep.Assignment) (Decision, error) {
		a.Reason.Seen = &seen
		return Decision{Assignment: a}, nil
	}
	race := newRace(r)
	if !race.early() {
		if a, ok := race.next(); ok {
			return start(a)
		}
	}
	fresh := r
	fresh.Index = r.Index - race.repeats
	params, reason, err := method.Suggest(fresh)
	reason.Note = notes(reason.Note, knowledge(r))
	switch {
	case err == nil:
		return start(sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: r.Spec.Train.Seed, Reason: reason})
	case !errors.Is(err, ErrExhausted):
		return Decision{}, err
	}
	if len(r.Pending) == 0 || !race.few() {
		if a, ok := race.next(); ok {
			return start(a)
		}
	}
	wait := race.allowed() && len(r.Pending) > 0
	return Decision{Exhausted: !wait, Wait: wait}, nil
}

// Batch is the answer to a request for several trials: fewer where the search has come
// to an end or must wait, as Decision says.
type Batch struct {
	Assignments []sweep.Assignment
	Exhausted   bool
	Wait        bool
}

// Several decides on up to count search trials, one after the other: each is pending
// for the next, as it would be if they were asked for one at a time. What depends on the
// ledger alone is computed once.
func Several(r Request, count int) (Batch, error) {
	var b Batch
	r.Pending, r.batch = slices.Clone(r.Pending), new(shared)
	for range count {
		d, err := Next(r)
		switch {
		case err != nil:
			return Batch{}, fmt.Errorf("trial %d: %w", r.Number, err)
		case d.Exhausted || d.Wait:
			b.Exhausted, b.Wait = d.Exhausted, d.Wait
			return b, nil
		}
		b.Assignments = append(b.Assignments, d.Assignment)
		pending := d.Assignment
		pending.Reason = sweep.Reason{Sampler: pending.Reason.Sampler}
		r.Pending = append(r.Pending, pending)
		r.Number++
		r.Index++
	}
	return b, nil
}
