package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestAKilledWorkerIsNoticedByItsHeartbeat(t *testing.T) {
	r := newRig(t)
	timeouts := func(ctx workflow.Context) ([]time.Duration, error) {
		spec := gridSpec(1)
		return []time.Duration{
			workflow.GetActivityOptions(control(ctx, "x")).HeartbeatTimeout,
			workflow.GetActivityOptions(slot(ctx, &spec, 0, trainTimeout, "x")).HeartbeatTimeout,
		}, nil
	}
	r.env.RegisterWorkflow(timeouts)
	r.env.ExecuteWorkflow(timeouts)
	var got []time.Duration
	require.NoError(t, r.env.GetWorkflowResult(&got))
	require.Equal(t, []time.Duration{activities.ControlHeartbeatTimeout, activities.HeartbeatTimeout}, got)
}

// An action that may take long does not run within a workflow task.
func TestWhatIsBrief(t *testing.T) {
	spec := gridSpec(1)
	state := &conduct.State{Watermark: briefLedger - 1}
	s := &sweepRun{machine: conduct.New(&spec, state, conduct.LogicNow, time.Time{})}
	require.True(t, s.ranksBriefly())
	state.Watermark++
	require.False(t, s.ranksBriefly())
	require.True(t, s.isBrief(conduct.KindAppend))
	state.Blocked = []conduct.Block{{Kind: conduct.KindAppend}}
	require.False(t, s.isBrief(conduct.KindAppend), "it failed lately")
	require.True(t, s.isBrief(conduct.KindRank))
}

// What fails within a workflow task runs again outside of it, and the sweep is not blocked.
func TestABriefActivityThatFailsRunsOutsideOfTheTask(t *testing.T) {
	r := newRig(t)
	var local []bool
	r.env.OnActivity(r.do.AppendSegment, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.AppendSegmentInput) (activities.AppendSegmentResult, error) {
		local = append(local, activity.GetInfo(ctx).IsLocalActivity)
		if len(local) == 1 {
			return activities.AppendSegmentResult{}, errors.New("slow")
		}
		return r.do.AppendSegment(ctx, in)
	})
	p, err := r.sweep(SweepInput{Spec: gridSpec(1)})
	require.NoError(t, err)
	require.Equal(t, 1, p.Finished)
	require.Equal(t, []bool{true, false}, local)
}
