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
	Want, Have string // sweep.Identity.Key; Have is "" if there is no sweep of the name
}

// Error implements error.
func (e *EarlierError) Error() string {
	found := "it was removed"
	if e.Have != "" {
		found = fmt.Sprintf("it was removed, and the name belongs to another sweep now (%.8s instead of %.8s)", e.Have, e.Want)
	}
	return fmt.Sprintf("archive: the search learns from sweep %s, but %s: restore its objects, or stop this sweep and run its spec under another name", e.Name, found)
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
	if have := owner.Key(); e.Identity != "" && have != "" && have != e.Identity { // a reservation that was repaired may have none
		return &EarlierError{Name: e.Sweep, Want: e.Identity, Have: have}
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
