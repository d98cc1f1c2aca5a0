package sampler

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

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
