package archive

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
)

func TestReserve(t *testing.T) {
	a := New(storetest.NewMemory())
	_, _, err := a.LoadSpec(t.Context(), name)
	require.ErrorIs(t, err, store.ErrNotFound)

	created, err := a.Reserve(t.Context(), aSpec(), []byte("# first\n"))
	require.NoError(t, err)
	require.True(t, created)
	created, err = a.Reserve(t.Context(), aSpec(), []byte("# another comment\n"))
	require.NoError(t, err)
	require.False(t, created, "the same digest attaches")

	spec, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, aSpec(), spec)
	require.Equal(t, "# first\n", string(yaml))
	copied, _, err := a.read(t.Context(), "v1/sweeps/"+name+"/spec.yaml", 100)
	require.NoError(t, err)
	require.Equal(t, "# first\n", string(copied))

	other := aSpec()
	other.Seed++
	_, err = a.Reserve(t.Context(), other, nil)
	var taken *NameTakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, &NameTakenError{Name: name, Taken: aSpec().Digest(), Asked: other.Digest()}, taken)
	for _, text := range []string{name, taken.Taken[:12], taken.Asked[:12], "choose another name"} {
		require.ErrorContains(t, err, text)
	}
}

func TestReserveSurvivesACrash(t *testing.T) {
	s := newCrashing()
	a := New(s)
	s.left = 1
	_, err := a.Reserve(t.Context(), aSpec(), []byte("name: x\n"))
	require.ErrorIs(t, err, errCrash, "between spec.json and spec.yaml")
	s.left = -1
	_, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, "name: x\n", string(yaml))
	created, err := a.Reserve(t.Context(), aSpec(), []byte("name: x # again\n"))
	require.NoError(t, err)
	require.False(t, created)
	copied, _, err := a.read(t.Context(), "v1/sweeps/"+name+"/spec.yaml", 100)
	require.NoError(t, err)
	require.Equal(t, "name: x\n", string(copied), "of the spec that has the name")
}

func TestReserveRace(t *testing.T) {
	a := New(storetest.NewMemory())
	const writers = 8
	var (
		wg      sync.WaitGroup
		errs    = make([]error, writers)
		created = make([]bool, writers)
	)
	for w := range writers {
		wg.Go(func() {
			spec := aSpec()
			spec.Seed = int64(w % 2)
			created[w], errs[w] = a.Reserve(t.Context(), spec, fmt.Appendf(nil, "seed: %d\n", w%2))
		})
	}
	wg.Wait()
	winner := slices.Index(created, true)
	require.GreaterOrEqual(t, winner, 0)
	spec, _, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	for w := range writers {
		var taken *NameTakenError
		require.Equal(t, int64(w%2) != spec.Seed, errors.As(errs[w], &taken), "%d: %v", w, errs[w])
		require.Equal(t, w == winner, created[w])
	}
}

func TestSweepsListsReservedNames(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	entries, err := a.Sweeps(t.Context())
	require.NoError(t, err)
	require.Empty(t, entries)
	for _, n := range []string{"b", "a-1", "a"} {
		spec := aSpec()
		spec.Name = n
		_, err := a.Reserve(t.Context(), spec, nil)
		require.NoError(t, err)
	}
	for _, key := range []string{"v1/sweeps/ghost/pointers/best.json", "v1/sweeps/Not A Sweep/spec.json", "v1/sweeps/stray"} {
		_, err := s.PutIfAbsent(t.Context(), key, nil)
		require.NoError(t, err)
	}
	entries, err = a.Sweeps(t.Context())
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
		require.False(t, e.Created.IsZero())
	}
	require.Equal(t, []string{"a", "a-1", "b"}, names)
}
