package progress

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

func TestProgressFromError(t *testing.T) {
	for name, c := range map[string]struct {
		ended error
		phase conduct.Phase
		done  int
	}{
		"failed":                      {temporal.NewApplicationError("", workflows.TypeSweepFailed, conduct.Progress{Phase: conduct.PhaseFailed, Finished: 2}), conduct.PhaseFailed, 2},
		"cancelled":                   {temporal.NewCanceledError(conduct.Progress{Phase: conduct.PhaseCancelled, Finished: 3}), conduct.PhaseCancelled, 3},
		"cancelled, without progress": {temporal.NewCanceledError(), "before", 1},
		"a failure of another type":   {temporal.NewApplicationError("", "Other", 7), "before", 1},
		"terminated from outside":     {errors.New("terminated"), "before", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := conduct.Progress{Phase: "before", Finished: 1}
			require.NoError(t, progressFromError(c.ended, &p))
			require.Equal(t, c.phase, p.Phase)
			require.Equal(t, c.done, p.Finished)
		})
	}
}

// unanswered is a FAKE of a Temporal whose workers do not answer.
type unanswered struct {
	client.Client
	err error
}

func (unanswered) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}, nil
}

func (u unanswered) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	return nil, u.err
}

// The text of gRPC for a call that the server has ended is not shown.
func TestQueryProgressWithoutAnAnswer(t *testing.T) {
	for _, err := range []error{
		serviceerror.NewCanceled("stream terminated by RST_STREAM with error code: CANCEL"), serviceerror.NewDeadlineExceeded("context deadline exceeded"),
	} {
		_, err := QueryProgress(t.Context(), unanswered{err: err}, "s")
		require.ErrorContains(t, err, `sweep "s": no worker has answered within 5s`)
		require.NotContains(t, err.Error(), "stream")
	}
}

// A damaged ledger is shown with the trials that were read before.
func TestViewOfADamagedLedger(t *testing.T) {
	objects := clitest.Archived(t)
	o := &Observer{Name: "done", Archive: archive.New(objects)}
	v := View{Progress: conduct.Progress{Finished: 3}}
	require.NoError(t, o.readTrials(t.Context(), &v))
	require.Len(t, v.Finished, 3)
	require.Empty(t, v.Notice)
	require.NoError(t, objects.Delete(t.Context(), "v1/sweeps/done/ledger/000000.jsonl"))
	o.Archive = archive.New(objects)
	v.Progress.Finished = 4
	require.NoError(t, o.readTrials(t.Context(), &v))
	require.Len(t, v.Finished, 3)
	require.Contains(t, v.Notice, "000000.jsonl: the object is missing")
}

// away is a store that does not answer.
type away struct{ store.Store }

func (away) ListAfter(context.Context, string, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		yield(store.Info{}, &store.AccessError{Reason: block.Unreachable, Err: errors.New("connection refused")})
	}
}

// Without the store watch shows what the workers know while the sweep runs, and retries at its end.
func TestViewWithoutTheStore(t *testing.T) {
	o := &Observer{Name: "done", Archive: archive.New(away{}), finished: make([]sweep.Trial, 2)}
	v := View{Progress: conduct.Progress{Finished: 3}}
	require.NoError(t, o.readTrials(t.Context(), &v))
	require.Len(t, v.Finished, 2)
	require.Contains(t, v.Notice, "connection refused")
	v.Progress.EndedAt = new(time.Now())
	require.ErrorContains(t, o.readTrials(t.Context(), &v), "connection refused")
}

// After an edit, watch has the columns of the spec in force.
func TestViewFollowsTheSpecInForce(t *testing.T) {
	arc := archive.New(clitest.Archived(t))
	spec, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	o := &Observer{Name: "done", Archive: arc, Spec: spec}
	p := conduct.Progress{CommandLog: []conduct.CommandEntry{
		{Number: 1, Command: conduct.CommandPin}, {Number: 2, Command: conduct.CommandEdit}, {Number: 3, Command: conduct.CommandSet, Refused: "no"},
	}}
	require.NoError(t, o.readSpec(t.Context(), p))
	require.Same(t, spec, o.Spec, "the command is not stored yet")

	edited := *spec
	edited.Metrics = []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}}
	at := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	require.NoError(t, arc.PutCommandEntry(t.Context(), "done", conduct.CommandEntry{Number: 2, At: at, Command: conduct.CommandEdit, Spec: &edited}))
	require.NoError(t, arc.PutCommandEntry(t.Context(), "done", conduct.CommandEntry{Number: 3, At: at.Add(time.Second), Command: conduct.CommandSet, Refused: "no"}))
	require.NoError(t, o.readSpec(t.Context(), p))
	require.Equal(t, "kid.tail", o.Spec.Metrics[0].Name)
	o.Archive = nil
	require.NoError(t, o.readSpec(t.Context(), p), "it is read once")
}

// Before its first step a trial is shown as what its child does.
func TestStageBeforeTheFirstStep(t *testing.T) {
	for want, p := range map[string]activities.Progress{
		stageStarting:  {Steps: 450},
		stageLoading:   {Steps: 450, Backend: "xla:cpu"},
		stageCompiling: {Steps: 450, Backend: "xla:cpu", Compiling: true},
		StageTraining:  {Steps: 450, Backend: "xla:cpu", Step: 10},
	} {
		details, err := converter.GetDefaultDataConverter().ToPayloads(activities.Heartbeat{Progress: p})
		require.NoError(t, err)
		live, ok := fromActivity(&workflowpb.PendingActivityInfo{
			ActivityType: &commonpb.ActivityType{Name: "Train"}, State: enumspb.PENDING_ACTIVITY_STATE_STARTED, HeartbeatDetails: details,
		})
		require.True(t, ok)
		require.Equal(t, want, live.Stage)
	}
}
