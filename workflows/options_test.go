package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestAKilledWorkerIsNoticedByItsHeartbeat(t *testing.T) {
	r := newRig(t)
	timeouts := func(ctx workflow.Context) ([]time.Duration, error) {
		spec := gridSpec(1)
		return []time.Duration{
			workflow.GetActivityOptions(control(ctx, "x")).HeartbeatTimeout,
			workflow.GetActivityOptions(slot(ctx, &spec, trainTurns(&spec), 0, trainTimeout, "x")).HeartbeatTimeout,
		}, nil
	}
	r.env.RegisterWorkflow(timeouts)
	r.env.ExecuteWorkflow(timeouts)
	var got []time.Duration
	require.NoError(t, r.env.GetWorkflowResult(&got))
	require.Equal(t, []time.Duration{activities.ControlHeartbeatTimeout, activities.HeartbeatTimeout}, got)
}

// Evaluations take turns with the trainings of their sweep. Neither overtakes a sweep of a higher
// priority, and no two sweeps have the same turns.
func TestEvaluationsAndTrainingsTakeTurns(t *testing.T) {
	r := newRig(t)
	priorities := func(ctx workflow.Context) ([]temporal.Priority, error) {
		spec := gridSpec(1)
		spec.Name, spec.Resources.Priority = strings.Repeat("n", 63), 2
		return []temporal.Priority{
			workflow.GetActivityOptions(slot(ctx, &spec, trainTurns(&spec), 0, trainTimeout, "x")).Priority,
			workflow.GetActivityOptions(slot(ctx, &spec, evaluateTurns(&spec), 0, evaluateTimeout, "x")).Priority,
		}, nil
	}
	r.env.RegisterWorkflow(priorities)
	r.env.ExecuteWorkflow(priorities)
	var got []temporal.Priority
	require.NoError(t, r.env.GetWorkflowResult(&got))
	require.Len(t, got, 2)
	require.Equal(t, []int{2, 2}, []int{got[0].PriorityKey, got[1].PriorityKey})
	require.NotEqual(t, got[0].FairnessKey, got[1].FairnessKey)
	require.Len(t, got[1].FairnessKey, 64, "Temporal refuses a longer one")
	require.Error(t, archive.CheckName(got[1].FairnessKey), "no other sweep has it")
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

// A store that is not reached blocks the sweep at once, so that a hanging one is shown within a
// minute. Another failure is tried twice before.
func TestAnUnreachableStoreBlocksAtOnce(t *testing.T) {
	for class, want := range map[string][]int32{string(block.Unreachable): {1, 1, 1}, string(block.Other): {1, 1, 2}} {
		r := newRig(t)
		var tries []int32
		r.env.OnActivity(r.do.AppendSegment, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.AppendSegmentInput) (activities.AppendSegmentResult, error) {
			if tries = append(tries, activity.GetInfo(ctx).Attempt); len(tries) < 3 { // the first is a local activity
				return activities.AppendSegmentResult{}, temporal.NewApplicationError("no answer", class)
			}
			return r.do.AppendSegment(ctx, in)
		})
		_, err := r.sweep(SweepInput{Spec: gridSpec(1)})
		require.NoError(t, err)
		require.Equal(t, want, tries, class)
	}
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
