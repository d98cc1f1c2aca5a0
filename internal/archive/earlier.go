package archive

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// EarlierError means that an earlier sweep, which a search learns from, is not the one that
// was named.
type EarlierError struct {
	Name       string
	Exists     bool   // there is a sweep of the name
	Want, Have string // sweep.Identity.Key, "" for none
}

// Error implements error.
func (e *EarlierError) Error() string {
	found := "it was removed"
	switch {
	case e.Exists && e.Have == "":
		return fmt.Sprintf("the search learns from sweep %s, which has no identity, so another sweep of its name would not be noticed: "+
			"`tailsweep doctor %[1]s --repair` writes it while Temporal knows that sweep", e.Name)
	case e.Exists && e.Want == "":
		return fmt.Sprintf("the search learns from sweep %s, but the spec does not say which sweep of the name is meant: write identity: %q in the field from",
			e.Name, e.Have)
	case e.Exists:
		found = fmt.Sprintf("it was removed, and the name belongs to another sweep now (%.8s instead of %.8s)", e.Have, e.Want)
	}
	return fmt.Sprintf("the search learns from sweep %s, but %s: restore its objects, or stop this sweep and run its spec under another name", e.Name, found)
}

// BlockReason returns the reason as the activities read it.
func (e *EarlierError) BlockReason() block.Reason { return block.NotOwner }

// CheckEarlier implements activities.Records.
func (a *Archive) CheckEarlier(ctx context.Context, e sweep.Earlier) error {
	owner, err := a.Owner(ctx, e.Sweep)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &EarlierError{Name: e.Sweep, Want: e.Identity}
	case err != nil:
		return err
	}
	if have := owner.Key(); have == "" || have != e.Identity {
		return &EarlierError{Name: e.Sweep, Exists: true, Want: e.Identity, Have: have}
	}
	return nil
}

// Earlier implements activities.Records.
func (a *Archive) Earlier(ctx context.Context, e sweep.Earlier) (*sweep.Spec, []sweep.Trial, error) {
	if err := a.CheckEarlier(ctx, e); err != nil {
		return nil, nil, err
	}
	spec, err := a.Spec(ctx, e.Sweep)
	if err != nil {
		return nil, nil, err
	}
	trials, err := a.Ledger(ctx, e.Sweep, e.Segments)
	return spec, trials, err
}
