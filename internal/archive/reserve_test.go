package archive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
)

func TestBeginTakesANameOnce(t *testing.T) {
	a, temporal := New(storetest.NewMemory()), &fakeTemporal{}
	_, _, err := a.LoadSpec(t.Context(), name)
	require.ErrorIs(t, err, store.ErrNotFound)

	created, err := a.Begin(t.Context(), aSpec(), []byte("# first\n"), here, run{temporal, aSpec(), never})
	require.NoError(t, err)
	require.True(t, created)
	created, err = a.Begin(t.Context(), aSpec(), []byte("# another comment\n"), here, run{temporal, aSpec(), never})
	require.NoError(t, err)
	require.False(t, created, "the same digest attaches")

	spec, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, aSpec(), spec)
	require.Equal(t, "# first\n", string(yaml))
	copied, _, err := a.object("v1/sweeps/"+name+"/spec.yaml", nil).read(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, "# first\n", string(copied))

	other := aSpec()
	other.Seed++
	_, err = a.Begin(t.Context(), other, nil, here, run{temporal, other, never})
	var taken *NameTakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, &NameTakenError{Name: name, Taken: aSpec().Digest(), Asked: other.Digest()}, taken)
	for _, text := range []string{name, taken.Taken[:12], taken.Asked[:12], "choose another name"} {
		require.ErrorContains(t, err, text)
	}
}

func TestBeginSurvivesACrash(t *testing.T) {
	s := newCrashing()
	a, temporal := New(s), &fakeTemporal{}
	s.left = 2 // store.json and spec.json
	_, err := a.Begin(t.Context(), aSpec(), []byte("name: x\n"), here, run{temporal, aSpec(), never})
	require.ErrorIs(t, err, errCrash, "between spec.json and spec.yaml")
	s.left = -1
	_, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, "name: x\n", string(yaml))
	created, err := a.Begin(t.Context(), aSpec(), []byte("name: x # again\n"), here, run{temporal, aSpec(), never})
	require.NoError(t, err)
	require.False(t, created)
	copied, _, err := a.object("v1/sweeps/"+name+"/spec.yaml", nil).read(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, "name: x\n", string(copied), "of the spec that has the name")
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
		reserve(t, a, spec, "")
	}
	for _, key := range []string{"v1/sweeps/lost/trials/000003/result.json", "v1/sweeps/ghost/pointers/best.json", "v1/sweeps/Not A Sweep/spec.json", "v1/sweeps/stray"} {
		_, err := s.PutIfAbsent(t.Context(), key, nil)
		require.NoError(t, err)
	}
	entries, err = a.Sweeps(t.Context())
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name)
		require.Equal(t, e.Name == "lost", e.Created.IsZero())
		require.Equal(t, e.Name == "lost", e.Err != nil, "its spec.json")
	}
	require.Equal(t, []string{"a", "a-1", "b", "lost"}, names)
}
