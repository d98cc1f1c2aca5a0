package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestSweepIgnoresDuplicateAndUnknownResults(t *testing.T) {
	r := held(t)
	again := completed(0, sweep.StatusFailed)
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	r.at(2, func() {
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: again})
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(99, sweep.StatusCompleted)})
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(1, "of another program")})
		r.env.SignalWorkflow(SignalResult, "no result at all")
	})
	r.at(3, func() {
		r.env.SignalWorkflowSkippingWorkflowTask(SignalResult, activities.TrialResult{Trial: completed(1, sweep.StatusCompleted)})
		r.end(1, sweep.StatusCompleted)
	})
	p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, numbers(r.archive.Trials()))
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 2}, p.Counts)
}

func TestSweepAccountsForVanishedTrials(t *testing.T) {
	r := held(t)
	r.executions.Set(TrialID("grid", 0), activities.ExecutionTerminated)
	r.executions.Set(TrialID("grid", 1), activities.ExecutionCompleted)
	published := completed(1, sweep.StatusCompleted)
	require.NoError(t, r.archive.PutResult(t.Context(), "grid", published))
	for number := range 2 {
		r.at(1+number, func() { require.NoError(t, r.env.SignalWorkflowByID(TrialID("grid", number), signalVanish, nil)) })
	}
	r.at(3, func() {
		p := r.progress()
		require.Equal(t, 2, p.Finished, "a trial that ends without a report is looked for at once")
		r.end(2, sweep.StatusCompleted)
	})
	_, err := r.sweep(SweepInput{Spec: gridSpec(3)})
	require.NoError(t, err)
	ledger := r.archive.Trials()
	require.Equal(t, sweep.StatusFailed, ledger[0].Status)
	require.Equal(t, sweep.FailLost, ledger[0].Error.Class)
	require.Equal(t, published, ledger[1], "what it published counts")
}

// After a reset of the sweep the ledger is ahead of it: what was stored counts.
func TestSweepTakesUpALedgerThatIsAhead(t *testing.T) {
	r := held(t)
	second := completed(1, sweep.StatusCompleted)
	second.StartedAt = r.env.Now().Add(time.Minute)
	require.NoError(t, r.archive.AppendSegment(t.Context(), "grid", 0, []sweep.Trial{second}))
	r.at(2, func() { r.end(0, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, numbers(r.archive.Trials()))
	require.Equal(t, 2, p.Finished)

	r = held(t)
	second.StartedAt = r.env.Now().Add(-time.Hour)
	require.NoError(t, r.archive.AppendSegment(t.Context(), "grid", 0, []sweep.Trial{second}))
	r.at(2, func() { r.end(0, sweep.StatusCompleted) })
	_, err = r.sweep(SweepInput{Spec: gridSpec(2)})
	require.Equal(t, `append ledger segment 0: an earlier sweep named "grid" left a ledger behind; choose another name`, failedProgress(t, err).Message)
}

func TestSweepContinuesAsNewWithTrialsInFlight(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.command(conduct.CommandPause); r.command(conduct.CommandResume) })
	r.at(2, func() { r.end(1, sweep.StatusCompleted) })
	in := SweepInput{Spec: gridSpec(4), Digest: "d", ContinueAfter: 1}
	_, err := r.sweep(in)
	next := continuedInput(t, err)
	require.Equal(t, 1, next.State.Segments)
	require.Equal(t, []int{1}, next.State.Ahead)
	require.Len(t, next.State.Running, 1, "trial 0 runs on; 2 is for the next run to start")

	// The next run receives the results of trials that the first one started.
	r.hold()
	r.at(1, func() {
		r.requireRunning(conduct.PhaseRunning, 0, 2)
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(1, sweep.StatusCompleted)}) // late
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(0, sweep.StatusCompleted)})
	})
	_, err = r.sweep(next)
	third := continuedInput(t, err)
	require.Equal(t, 2, third.State.Watermark)
	require.Empty(t, third.State.Ahead)
	require.Len(t, third.State.CommandLog, 2)

	// Trial 2 never reports: the next look finds that it has ended.
	r.hold()
	third.ContinueAfter = 0
	r.executions.Set(TrialID("grid", 2), activities.ExecutionTimedOut)
	r.executions.Set(TrialID("grid", 3), activities.ExecutionRunning)
	r.at(1, func() { r.requireRunning(conduct.PhaseRunning, 2, 3) })
	r.at(7, func() { r.requireRunning(conduct.PhaseRunning, 3) })
	r.at(30, func() {
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(3, sweep.StatusCompleted)})
	})
	p, err := r.sweep(third)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0, 2, 3}, numbers(r.archive.Trials()))
	require.Equal(t, map[sweep.Status]int{"completed": 3, "failed": 1}, p.Counts)
	require.Equal(t, "d", p.Digest)
}

// continuedInput is the input of the run that follows.
func continuedInput(t *testing.T, err error) SweepInput {
	t.Helper()
	var continued *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &continued)
	require.Equal(t, TypeSweep, continued.WorkflowType.Name)
	var in SweepInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(continued.Input, &in))
	return in
}

func TestSweepTakesWhatArrivesLateIntoTheNextRun(t *testing.T) {
	r := held(t)
	signalled := false
	r.env.OnActivity(r.do.Record, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RecordInput) error {
		if in.Numbers.ByStatus[sweep.StatusCompleted] == 1 && !signalled { // the last activity before the run ends
			signalled = true
			r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(0, sweep.StatusCompleted)})
		}
		return nil
	})
	r.at(1, func() { r.end(1, sweep.StatusCompleted) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(2), ContinueAfter: 1})
	next := continuedInput(t, err)
	require.Equal(t, []int{1}, numbers(r.archive.Trials()))

	r.hold()
	next.ContinueAfter = 0
	p, err := r.sweep(next)
	require.NoError(t, err)
	require.Equal(t, 2, p.Finished)
	require.Equal(t, []int{1, 0}, numbers(r.archive.Trials()))
}

func TestSweepRemembersThatTemporalCancelledIt(t *testing.T) {
	r := held(t)
	r.env.OnActivity(r.do.AppendSegment, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.AppendSegmentInput) (activities.AppendSegmentResult, error) {
		if in.Segment == 0 {
			r.env.CancelWorkflow()
		}
		return r.do.AppendSegment(ctx, in)
	})
	r.at(1, func() { r.end(1, sweep.StatusCompleted) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(4), ContinueAfter: 1})
	next := continuedInput(t, err)
	require.Equal(t, conduct.PhaseCancelling, next.State.Phase)

	r.hold()
	r.at(1, func() {
		for _, running := range next.State.Running {
			r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(running.Number, sweep.StatusCancelled)})
		}
	})
	next.ContinueAfter = 0
	_, err = r.sweep(next)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.NotNil(t, r.progress().EndedAt)
}

// TestTrialsOutliveTheRun checks two options that the test environment ignores;
// TestRecord checks their effect on a real server.
func TestTrialsOutliveTheRun(t *testing.T) {
	options := childOptions("s", completed(7, sweep.StatusCompleted).Assignment)
	require.Equal(t, "sweep/s/trial/000007", options.WorkflowID)
	require.Equal(t, enumspb.PARENT_CLOSE_POLICY_ABANDON, options.ParentClosePolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	require.Equal(t, "#7 infonce.weight=7", options.StaticSummary)
}

func TestSweepContinuesAsNewWhenTemporalSaysSo(t *testing.T) {
	r := held(t)
	r.env.SetContinueAsNewSuggested(true)
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	state := continuedInput(t, err).State
	require.Empty(t, state.Running, "the next run starts the trials")
	require.NotNil(t, state.Main)
}

// A run with an unread signal of any kind does not continue as new.
func TestSweepLeavesNoSignalBehind(t *testing.T) {
	for _, name := range []string{SignalResult, SignalRung, SignalBlocked} {
		r := newRig(t)
		r.at(1, func() { r.env.SignalWorkflow(name, nil) })
		r.env.ExecuteWorkflow(func(ctx workflow.Context) error {
			spec := gridSpec(2)
			s := &sweepRun{ctx: ctx, machine: conduct.New(&spec, nil, conduct.LogicNow, workflow.Now(ctx)), continuing: true}
			require.True(t, s.canContinueAsNew(ctx))
			err := workflow.Sleep(ctx, time.Hour)
			require.False(t, s.canContinueAsNew(ctx), name)
			return err
		})
		require.NoError(t, r.env.GetWorkflowError())
	}
}

// A sweep that was reset takes up the trials that only the history that was cut off has
// started; those of an earlier sweep of its name it leaves alone.
func TestSweepTakesUpTrialsThatAResetCutOff(t *testing.T) {
	for started, want := range map[time.Duration][]int{time.Minute: {0, 1, 2}, -time.Hour: {0, 1}} {
		r := newRig(t)
		r.executions.Started = r.env.Now().Add(started)
		r.executions.Set(TrialID("grid", 2), activities.ExecutionCompleted)
		third := completed(2, sweep.StatusCompleted)
		third.StartedAt = r.executions.Started
		require.NoError(t, r.archive.PutResult(t.Context(), "grid", third))
		p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
		require.NoError(t, err)
		require.ElementsMatch(t, want, numbers(r.archive.Trials()))
		require.Equal(t, len(want), p.Finished)
	}
}

// A sweep counts from the start of its workflow, not from its first task, which a reset
// repeats later.
func TestSweepCountsFromItsStart(t *testing.T) {
	r := newRig(t)
	began := r.env.Now()
	r.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return err
		}
		s, err := newSweep(ctx, SweepInput{Spec: gridSpec(2)})
		require.WithinDuration(t, began, s.machine.StartedAt, time.Minute)
		return err
	})
	require.NoError(t, r.env.GetWorkflowError())
}
