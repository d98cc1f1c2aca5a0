package sampler

import (
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

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
