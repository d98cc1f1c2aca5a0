package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workerpb "go.temporal.io/api/worker/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestWhyTrialsWait(t *testing.T) {
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	beat := func(ago time.Duration, busy, free int32) *workerpb.WorkerHeartbeat {
		return &workerpb.WorkerHeartbeat{
			HeartbeatTime:         timestamppb.New(now.Add(-ago)),
			ActivityTaskSlotsInfo: &workerpb.WorkerSlotsInfo{CurrentUsedSlots: busy, CurrentAvailableSlots: free},
		}
	}
	w := count([]*workerpb.WorkerHeartbeat{beat(time.Second, 1, 0), beat(9*time.Second, 1, 1), beat(time.Minute, 4, 0)}, now)
	require.Equal(t, workers{count: 2, busy: 2, slots: 3}, w, "a worker that is silent for a minute was killed")
	require.Equal(t, "3 trials wait for a training slot: 2 of 3 busy", waitingText(3, "gpu", w))
	require.Equal(t, "1 trial waits for a worker: none polls the queue gpu (`tailsweep worker --only training --queue gpu` starts one)", waitingText(1, "gpu", workers{}))
}
