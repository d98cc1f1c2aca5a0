package store_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
)

func TestMemoryContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}

// TestS3Contract runs against the service in TAILSWEEP_TEST_S3_ENDPOINT,
// in the bucket TAILSWEEP_TEST_S3_BUCKET, with the AWS keys of the environment.
func TestS3Contract(t *testing.T) {
	endpoint := os.Getenv("TAILSWEEP_TEST_S3_ENDPOINT")
	if endpoint == "" {
		t.Skip("TAILSWEEP_TEST_S3_ENDPOINT is not set: the end-to-end run sets it")
	}
	run := time.Now().UnixNano()
	var opened atomic.Int64
	storetest.Run(t, func(t *testing.T) store.Store {
		config := store.Config{
			Endpoint: address.URL(endpoint),
			Bucket:   os.Getenv("TAILSWEEP_TEST_S3_BUCKET"),
			Prefix:   fmt.Sprintf("storetest/%d/%d", run, opened.Add(1)),
		}
		s, err := store.Open(t.Context(), config)
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx := context.Background() // the test's own has ended
			for info, err := range s.List(ctx, "") {
				if err != nil || s.Delete(ctx, info.Key) != nil {
					t.Errorf("cannot clean up: %v %v", info.Key, err)
					return
				}
			}
		})
		return s
	})
}

func TestMemoryRefusesAFolderAsObject(t *testing.T) {
	m := storetest.NewMemory()
	_, err := m.PutIfAbsent(t.Context(), "a/b", nil)
	require.NoError(t, err)
	for _, key := range []string{"a", "a/b/c"} {
		_, err = m.PutIfAbsent(t.Context(), key, nil)
		require.ErrorContains(t, err, "folder of the other", key)
	}
}
