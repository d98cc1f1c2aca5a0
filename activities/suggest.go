package activities

import (
	"context"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// Suggest decides on search trials: their parameters and seeds. It is a pure function of
// its input and of the ledgers' segments that the input names, which never change. Of an
// earlier sweep's spec only fields count that an edit cannot change.
func (a *Activities) Suggest(ctx context.Context, in SuggestInput) (SuggestResult, error) {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return SuggestResult{}, translateError(ctx, err)
	}
	result, err := own.suggest(ctx, in)
	return result, translateError(ctx, err)
}

func (a *owned) suggest(ctx context.Context, in SuggestInput) (SuggestResult, error) {
	ledger, err := a.Records.Ledger(ctx, in.Spec.Name, in.Segments)
	if err != nil {
		return SuggestResult{}, fmt.Errorf("suggest trial %d: %w", in.Number, err)
	}
	prior, err := a.prior(ctx, &in.Spec)
	if err != nil {
		return SuggestResult{}, fmt.Errorf("suggest trial %d: %w", in.Number, err)
	}
	batch, err := sampler.Several(sampler.Request{
		Spec: &in.Spec, Ledger: ledger, Prior: prior, Pending: in.Pending, Number: in.Number, Index: in.Index, Edited: in.Edited,
	}, in.Count)
	if err != nil {
		return SuggestResult{}, bug("suggest %v", err)
	}
	return SuggestResult(batch), nil
}
