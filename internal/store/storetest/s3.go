package storetest

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
)

var opened atomic.Int64

// OpenS3 opens the service in TAILSWEEP_TEST_S3_ENDPOINT, in the bucket
// TAILSWEEP_TEST_S3_BUCKET, with the AWS keys of the environment. Each call has a folder of
// its own, which is removed when the test ends. Without the variable the test is skipped.
func OpenS3(t *testing.T) store.Store {
	t.Helper()
	endpoint := os.Getenv("TAILSWEEP_TEST_S3_ENDPOINT")
	if endpoint == "" {
		t.Skip("TAILSWEEP_TEST_S3_ENDPOINT is not set: the end-to-end run sets it")
	}
	s, err := store.Open(t.Context(), store.Config{
		Endpoint: address.URL(endpoint), Bucket: os.Getenv("TAILSWEEP_TEST_S3_BUCKET"),
		Prefix: fmt.Sprintf("test/%d-%d-%d", os.Getpid(), time.Now().UnixNano(), opened.Add(1)),
	})
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
}
