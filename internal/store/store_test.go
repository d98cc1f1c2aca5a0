package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
)

func TestMemoryContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}

func TestS3Contract(t *testing.T) { storetest.Run(t, storetest.OpenS3) }

func TestMemoryRefusesAFolderAsObject(t *testing.T) {
	m := storetest.NewMemory()
	_, err := m.PutIfAbsent(t.Context(), "a/b", nil)
	require.NoError(t, err)
	for _, key := range []string{"a", "a/b/c"} {
		_, err = m.PutIfAbsent(t.Context(), key, nil)
		require.ErrorContains(t, err, "folder of the other", key)
	}
}
