package sampler

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/repeats"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Decision is an assignment, or why there is none.
type Decision struct {
	Assignment sweep.Assignment
	Exhausted  bool // every configuration has been tried
	Wait       bool // likewise, but the result of a pending trial may make a repeat worthwhile
}

// Next decides on the next search trial: a repeat of a configuration where one is
// worthwhile (package repeats), or a new configuration by the spec's method, trained with
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
	race := repeats.New(r.Spec, r.Ledger, r.Pending, r.Exact)
	if !race.Early() {
		if a, ok := race.Next(r.Number); ok {
			return start(a)
		}
	}
	fresh := r
	fresh.Index = r.Index - race.Started()
	params, reason, err := method.Suggest(fresh)
	reason.Note = notes(reason.Note, knowledge(r))
	switch {
	case err == nil:
		return start(sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: r.Spec.Train.Seed, Reason: reason})
	case !errors.Is(err, ErrExhausted):
		return Decision{}, err
	}
	if len(r.Pending) == 0 || !race.Few() {
		if a, ok := race.Next(r.Number); ok {
			return start(a)
		}
	}
	wait := race.Allowed() && len(r.Pending) > 0
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

// fit returns the request with each search trial's configuration as one of the spec's
// space, which an edit may have changed since. Trials whose configurations do not fit
// are left out.
func fit(r Request) Request {
	fitter := space.NewFitter(r.Spec)
	var ledger []sweep.Trial
	for i, t := range r.Ledger {
		params, ok, same := fitter.Fit(t.Assignment)
		if same {
			if ledger != nil {
				ledger = append(ledger, t)
			}
			continue
		}
		if ledger == nil {
			ledger = append(make([]sweep.Trial, 0, len(r.Ledger)), r.Ledger[:i]...)
		}
		if ok {
			t.Params = params
			ledger = append(ledger, t)
		}
	}
	if ledger != nil {
		r.Ledger = ledger
	}
	var pending []sweep.Assignment
	for _, a := range r.Pending {
		if params, ok, _ := fitter.Fit(a); ok {
			a.Params = params
			pending = append(pending, a)
		}
	}
	r.Pending = pending
	return r
}

// RequestOf returns the request that led to a search trial. At that time the first
// Reason.Seen trials of the ledger were finished, and all other trials of lower number
// were pending, since trials are numbered in the order of starting. It fails when one
// of those has not finished, since only the ledger has its parameters.
func RequestOf(spec *sweep.Spec, ledger []sweep.Trial, t sweep.Assignment) (Request, error) {
	if t.Kind != sweep.KindSearch {
		return Request{}, fmt.Errorf("trial %d is a %s trial: no method suggested it", t.Number, t.Kind)
	}
	if t.Request > 0 {
		return Request{}, fmt.Errorf("trial %d was asked for (%s): no method suggested it", t.Number, t.Reason.Sampler)
	}
	if t.Reason.Seen == nil {
		return Request{}, errors.New("the number of results it was suggested from was not recorded")
	}
	seen := *t.Reason.Seen
	if seen > len(ledger) {
		return Request{}, fmt.Errorf("it was suggested from %d results, and the ledger has %d", seen, len(ledger))
	}
	r := Request{Spec: spec, Ledger: ledger[:seen:seen], Number: t.Number, Index: t.Number - len(space.Baselines(spec)), Edited: true} // where it has not changed, that changes nothing
	for _, other := range ledger {
		if other.Request > 0 && other.Number < t.Number {
			r.Index--
		}
	}
	at := make(map[int]int, len(ledger)) // place in ledger by number
	for i, other := range ledger {
		at[other.Number] = i
	}
	for n := range t.Number {
		switch i, finished := at[n]; {
		case !finished:
			return Request{}, fmt.Errorf("trial %d was pending then and has not finished", n)
		case i >= seen:
			a := ledger[i].Assignment
			a.Reason = sweep.Reason{Sampler: a.Reason.Sampler}
			r.Pending = append(r.Pending, a)
		}
	}
	return r, nil
}
