package archive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

// An earlier sweep that was removed, or removed and made again under its name, is noticed,
// although the new one has the same spec and as many segments.
func TestEarlierSweepWasRemoved(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	trial := sweep.Trial{Assignment: sweep.Assignment{Kind: sweep.KindSearch}, Status: sweep.StatusCompleted}
	begin := func(steps int) sweep.Identity {
		owner := reserved(t, a, here)
		_, records, err := a.For(t.Context(), owner, "")
		require.NoError(t, err)
		of := trial
		of.Steps = steps
		require.NoError(t, records.AppendSegment(t.Context(), name, 0, []sweep.Trial{of}))
		return owner
	}
	first := begin(1)
	e := sweep.Earlier{Sweep: name, Segments: 1, Identity: first.Key()}
	spec, trials, err := a.Earlier(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, aSpec().Digest(), spec.Digest())
	require.Equal(t, 1, trials[0].Steps)

	require.NoError(t, a.RemoveSweep(t.Context(), name, first, isEnded, func(int) {}))
	_, _, err = a.Earlier(t.Context(), e)
	require.ErrorContains(t, err, "the search learns from sweep "+name+", but it was removed: restore its objects")
	require.Equal(t, block.NotOwner, activities.BlockReason(err))

	second := begin(2)
	require.NotEqual(t, first.Key(), second.Key())
	_, _, err = a.Earlier(t.Context(), e)
	require.ErrorContains(t, err, "the name belongs to another sweep now")
	require.Equal(t, block.NotOwner, activities.BlockReason(err))
	e.Identity = ""
	_, _, err = a.Earlier(t.Context(), e)
	require.ErrorContains(t, err, `the spec does not say which sweep of the name is meant: write identity: "`+second.Key()+`"`)

	r, etag, err := a.reservation(t.Context(), name)
	require.NoError(t, err)
	r.Owner = sweep.Identity{} // of a repair while Temporal did not know the sweep
	_, err = a.write(t.Context(), r, &etag)
	require.NoError(t, err)
	for _, e.Identity = range []string{"", first.Key(), second.Key()} {
		_, _, err = a.Earlier(t.Context(), e)
		require.ErrorContains(t, err, "which has no identity, so another sweep of its name would not be noticed: `tailsweep doctor "+name+" --repair` writes it")
		require.Equal(t, block.NotOwner, activities.BlockReason(err))
	}
}
