package activities

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// The monotonic clock of a machine that is suspended stands still.
func TestAnAttemptOfASuspendedMachineIsLost(t *testing.T) {
	before := time.Now()
	const second = 1 << 30 // of a time.Time's wall clock
	*(*uint64)(unsafe.Pointer(&before)) -= uint64(HeartbeatTimeout/time.Second) * second
	require.Less(t, time.Since(before), time.Second)
	require.GreaterOrEqual(t, time.Since(before.Round(0)), HeartbeatTimeout)
	at := &attempt{every: DefaultHeartbeatEvery, awake: before}
	at.ctx, at.cancel = context.WithCancelCause(t.Context())
	require.True(t, at.lost())
}

// A worker that was stopped finds that its trainer has written checkpoints meanwhile. The
// trial may have been finished by another worker: none of them is stored.
func TestAnAttemptOfAStoppedWorkerStoresNothing(t *testing.T) {
	at := &attempt{every: DefaultHeartbeatEvery, awake: time.Now().Add(-HeartbeatTimeout)}
	at.ctx, at.cancel = context.WithCancelCause(t.Context())
	for range 2 { // the second time, too
		err := at.transfer(func(context.Context) error {
			t.Error("a transfer was begun")
			return nil
		})
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, sweep.FailLost, failure.Class)
	}
	at.heartbeat() // sends none: outside an activity that would panic
}

// The time limit of a try follows from how much there is to move.
func TestALargeTransferGetsMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &attempt{limits: Transfers{Timeout: time.Minute, Rate: 1 << 20}}
		at.ctx = t.Context()
		lasted := func(bytes int64) time.Duration {
			began := time.Now()
			err := at.try(func(ctx context.Context, size func(int64)) error {
				if bytes > 0 {
					size(bytes)
				}
				<-ctx.Done()
				return fmt.Errorf("put: %w", ctx.Err())
			})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.True(t, isAway(err))
			require.False(t, isPermanent(err))
			return time.Since(began)
		}
		require.Equal(t, time.Minute, lasted(0))
		require.Equal(t, time.Minute+10*time.Second, lasted(10<<20))
		at.limits.Rate = 0
		require.Equal(t, time.Minute, lasted(10<<20))
	})
	require.Greater(t, DefaultTransfers.timeout(10_000_000_000), 25*time.Minute)
}
