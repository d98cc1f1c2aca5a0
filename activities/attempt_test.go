package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

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
