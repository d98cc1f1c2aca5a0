package workflows

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestSweepKeepsToMaxConcurrentTrials(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.requireRunning(conduct.PhaseRunning, 0, 1); r.end(1, sweep.StatusCompleted) })
	r.at(2, func() { r.requireRunning(conduct.PhaseRunning, 0, 2); r.end(0, sweep.StatusDiverged) })
	r.at(3, func() { r.requireRunning(conduct.PhaseRunning, 2, 3); r.end(3, sweep.StatusCompleted) })
	r.at(4, func() { r.requireRunning(conduct.PhaseRunning, 2); r.end(2, sweep.StatusFailed) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, []int{1, 0, 3, 2}, numbers(r.archive.Trials()), "the ledger is in order of completion")
	require.Equal(t, map[sweep.Status]int{"completed": 2, "diverged": 1, "failed": 1}, p.Counts)
	require.Equal(t, 3, p.Best.Number)
	require.Equal(t, 2.0, p.GPUHours, "two completed trials of an hour each")
}

func TestSweepDrainsWhatArrivedAtOnceIntoOneSegment(t *testing.T) {
	r := held(t)
	r.at(1, func() {
		r.env.SignalWorkflowSkippingWorkflowTask(SignalResult, activities.TrialResult{Trial: completed(1, sweep.StatusCompleted)})
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(0, sweep.StatusCompleted)})
	})
	p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.NoError(t, err)
	require.Equal(t, 1, p.Segments)
	require.Equal(t, []int{1, 0}, numbers(r.archive.Trials()))
}

func TestSweepPausesAndResumes(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.command(conduct.CommandPause) })
	r.at(2, func() { r.end(0, sweep.StatusCompleted) })
	r.at(3, func() { r.requireRunning(conduct.PhasePaused, 1); r.command(conduct.CommandResume) })
	r.at(4, func() {
		r.requireRunning(conduct.PhaseRunning, 1, 2)
		r.end(1, sweep.StatusCompleted)
		r.end(2, sweep.StatusCompleted)
	})
	p, err := r.sweep(SweepInput{Spec: gridSpec(3)})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, 3, p.Finished)
	require.Len(t, p.CommandLog, 3)
	require.Equal(t, conduct.CommandEntry{Number: 1, At: p.CommandLog[0].At, Command: conduct.CommandPause, By: "ann", Reason: "a test"}, p.CommandLog[0])
	require.Equal(t, time.Minute, p.CommandLog[0].At.Sub(p.StartedAt))
}

// A client that finds no worker sends a signal: it is applied once, also together with an Update
// of the same ID, and a refusal is in the audit.
func TestSweepObeysSignals(t *testing.T) {
	r := held(t)
	stop := conduct.Commanded{Name: conduct.CommandStop, Command: conduct.Command{ID: "1", By: "ann"}}
	r.at(1, func() {
		r.env.SignalWorkflow(SignalCommand, stop)
		r.env.SignalWorkflow(SignalCommand, stop)
		r.env.SignalWorkflow(SignalCommand, conduct.Commanded{Name: conduct.CommandPause, Command: conduct.Command{ID: "2", By: "ann"}})
	})
	r.at(2, func() { r.requireRunning(conduct.PhaseStopping, 0, 1); r.end(0, sweep.StatusCompleted) })
	r.at(3, func() { r.end(1, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseStopped, p.Phase)
	require.Len(t, p.CommandLog, 3)
	require.Equal(t, conduct.CommandStop, p.CommandLog[0].Command)
	require.Equal(t, "cannot pause a sweep that is stopping: valid now: cancel, set, pin, unpin", p.CommandLog[1].Refused)
	require.Equal(t, conduct.EntryEnd, p.CommandLog[2].Command)
}

// An Update may be there before the first workflow task of a run.
func TestSweepTakesACommandAtOnce(t *testing.T) {
	r := held(t)
	var paused *answer
	r.at(0, func() { paused = r.command(conduct.CommandPause) })
	r.at(1, func() { r.command(conduct.CommandStop) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(3)})
	require.NoError(t, err)
	require.NoError(t, paused.err)
	require.Equal(t, conduct.PhaseStopped, p.Phase)
	require.Zero(t, p.Finished)
}

func TestSweepStops(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.command(conduct.CommandStop) })
	r.at(2, func() { r.requireRunning(conduct.PhaseStopping, 0, 1); r.end(0, sweep.StatusCompleted) })
	r.at(3, func() { r.requireRunning(conduct.PhaseStopping, 1); r.end(1, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseStopped, p.Phase)
	require.Equal(t, "stop by ann: a test", p.Message)
	require.Equal(t, 2, p.Finished)
}

func TestSweepCancels(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.command(conduct.CommandCancel) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	p := cancelledProgress(t, err)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCancelled: 2}, p.Counts)
	require.ElementsMatch(t, []int{0, 1}, numbers(r.archive.Trials()))
}

func TestSweepCancelledInTemporalEndsInOrder(t *testing.T) {
	r := held(t)
	r.at(1, r.env.CancelWorkflow)
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.Equal(t, "cancel by temporal: the workflow was cancelled", cancelledProgress(t, err).Message)
	require.ElementsMatch(t, []int{0, 1}, numbers(r.archive.Trials()), "its trials are in the ledger")
	require.Equal(t, conduct.PhaseCancelled, r.progress().Phase)
}

func TestSweepCancelsWhileTheStoreIsAway(t *testing.T) {
	r := held(t)
	r.archive.Fail("AppendSegment", errors.New("store is away"))
	second := func(n int, f func()) { r.env.RegisterDelayedCallback(f, time.Duration(n)*time.Second) }
	second(10, func() { r.end(0, sweep.StatusCompleted) })
	second(20, func() { r.command(conduct.CommandCancel) })
	second(60, func() {
		require.Error(t, r.env.SignalWorkflowByID(TrialID("grid", 1), signalEnd, nil), "trial 1 was not cancelled")
		require.Empty(t, r.archive.Trials())
		r.archive.Fail("AppendSegment", nil)
	})
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	cancelledProgress(t, err)
	require.Equal(t, []int{0, 1}, numbers(r.archive.Trials()))
}

// A sweep that is blocked shows it everywhere, and continues when the cause is removed.
func TestSweepShowsWhatBlocksIt(t *testing.T) {
	r := held(t)
	r.archive.Fail("AppendSegment", blockedError{})
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	r.at(30, func() {
		p := r.progress()
		require.Len(t, p.Blocked, 1)
		b := p.Blocked[0]
		require.Equal(t, conduct.KindAppend, b.Kind)
		require.Equal(t, "append ledger segment 0", b.Doing)
		require.Equal(t, block.NoBucket, b.Reason)
		require.Equal(t, "cannot append ledger segment 0 (no_bucket): the bucket does not exist", b.Text())
		require.WithinDuration(t, p.StartedAt.Add(time.Minute), b.Since, 10*time.Second)
		require.Greater(t, b.Failures, 5)
		require.Less(t, b.Failures, 20)
		require.Contains(t, sweepDetails(p), "**Blocked** since ")
		states := r.recorder.States()
		require.Equal(t, []block.Reason{block.NoBucket}, states[len(states)-1].Blocked)
		r.archive.Fail("AppendSegment", nil)
	})
	r.at(36, func() {
		require.Empty(t, r.progress().Blocked)
		require.Equal(t, 1, r.progress().Finished)
		states := r.recorder.States()
		require.Empty(t, states[len(states)-1].Blocked)
		r.end(1, sweep.StatusCompleted)
	})
	p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
}

type blockedError struct{}

func (blockedError) Error() string             { return "the bucket does not exist" }
func (blockedError) BlockReason() block.Reason { return block.NoBucket }

// Cancel ends a sweep whose store never comes back.
func TestSweepCancelledWithoutAStoreEnds(t *testing.T) {
	r := held(t)
	r.archive.Fail("AppendSegment", blockedError{})
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	r.at(5, func() { r.command(conduct.CommandCancel) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	p := cancelledProgress(t, err)
	require.Equal(t, "cancel by ann: a test; given up: append ledger segment 0: the bucket does not exist (2 trials are not in the ledger)", p.Message)
	require.WithinDuration(t, p.StartedAt.Add(15*time.Minute), *p.EndedAt, time.Minute)
}

// An error that no further try overcomes ends the sweep, and says what was being done.
func TestSweepThatCannotGoOnSaysWhatItDid(t *testing.T) {
	r := held(t)
	r.archive.Fail("AppendSegment", sweep.Fail(sweep.FailBug, errors.New("no such thing")))
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.Equal(t, "append ledger segment 0: no such thing", failedProgress(t, err).Message)
}

// The removal of a checkpoint is scheduled until it has happened.
func TestSweepRemovesCheckpointsOnceTheStoreIsBack(t *testing.T) {
	r := newRig(t)
	r.archive.Fail("PutBest", errors.New("store is away"))
	spec := gridSpec(4)
	r.env.RegisterDelayedCallback(func() {
		require.Equal(t, 4, r.progress().Finished)
		require.Equal(t, conduct.KindCurate, r.progress().Blocked[0].Kind)
		require.Len(t, r.archive.Keys(), 4)
		r.archive.Fail("PutBest", nil)
	}, time.Hour)
	p, err := r.sweep(SweepInput{Spec: spec})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, []string{activitiestest.Key(3, 1, 300)}, r.archive.Keys())
	require.Equal(t, []int{3}, r.archive.Best())
}

func TestSweepPausedWhileATrialIsSuggestedStartsNone(t *testing.T) {
	r := held(t)
	suggested := 0
	r.env.OnActivity(r.do.Suggest, mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.SuggestInput) (activities.SuggestResult, error) {
			if suggested++; suggested == 1 {
				r.command(conduct.CommandPause)
			}
			return r.do.Suggest(ctx, in)
		})
	r.at(1, func() { r.requireRunning(conduct.PhasePaused); r.command(conduct.CommandResume) })
	r.at(2, func() { r.requireRunning(conduct.PhaseRunning, 0, 1) })
	r.at(3, func() { r.end(0, sweep.StatusCompleted); r.end(1, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.NoError(t, err)
	require.Equal(t, 2, p.Finished)
}

func TestSweepPausedEndsWithItsWallClock(t *testing.T) {
	r := held(t)
	spec := gridSpec(4)
	spec.Budget.WallClock = sweep.Duration(time.Hour)
	r.at(1, func() { r.command(conduct.CommandPause) })
	r.at(2, func() { r.end(0, sweep.StatusCompleted); r.end(1, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: spec})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, time.Hour, p.EndedAt.Sub(p.StartedAt))
}

func TestSweepRefusesCommands(t *testing.T) {
	r := held(t)
	var resumed, anonymous, missing, stopped, paused *answer
	r.at(1, func() {
		resumed = r.command(conduct.CommandResume)
		anonymous = r.update(conduct.CommandPause, conduct.Command{})
		missing = r.update(conduct.CommandPin, conduct.Command{By: "ann", Trials: []int{7}})
		stopped = r.command(conduct.CommandStop)
	})
	r.at(2, func() { paused = r.command(conduct.CommandPause) })
	r.at(3, func() { r.end(0, sweep.StatusCompleted); r.end(1, sweep.StatusCompleted) })
	p, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.NoError(t, err)
	require.EqualError(t, resumed.err, "cannot resume a sweep that is running: valid now: pause, stop, cancel, extend, set, edit, enqueue, retry, pin, unpin")
	require.EqualError(t, anonymous.err, `cannot pause sweep "grid": by is empty; say who asks`)
	refused, ok := errors.AsType[*temporal.ApplicationError](missing.err)
	require.True(t, ok)
	require.Equal(t, TypeNoTrial, refused.Type())
	require.Equal(t, `cannot pin sweep "grid": there is no trial 7 (the sweep has started 2, numbered from 0)`, refused.Message())
	require.EqualError(t, paused.err, "cannot pause a sweep that is stopping: valid now: cancel, set, pin, unpin")
	require.NoError(t, stopped.err)
	require.Equal(t, conduct.PhaseStopping, stopped.progress.Phase)
	require.False(t, resumed.accepted || anonymous.accepted || missing.accepted || paused.accepted, "a refused command leaves no event")
	require.Len(t, p.CommandLog, 2)
}

func TestSweepFailsFast(t *testing.T) {
	r := held(t)
	for number := range 3 {
		r.at(1+number, func() { r.end(number, sweep.StatusFailed) })
	}
	_, err := r.sweep(SweepInput{Spec: gridSpec(9)})
	p := failedProgress(t, err)
	require.Equal(t, "3 trials in a row failed with bug: line 2: nil; see `tailsweep logs grid 2`", p.Message)
	require.Equal(t, map[sweep.Status]int{sweep.StatusFailed: 3, sweep.StatusCancelled: 1}, p.Counts)
}

func TestSweepWhoseEveryTrialFails(t *testing.T) {
	r := held(t)
	r.at(1, func() { r.end(0, sweep.StatusFailed); r.end(1, sweep.StatusFailed) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(2)})
	require.Contains(t, failedProgress(t, err).Message, "every trial failed, the last with bug: line ")
}

func TestSweepBudget(t *testing.T) {
	tests := []struct {
		name   string
		budget sweep.Budget
		want   string
		ended  int
	}{
		{"run_cap", sweep.Budget{RunCap: 2}, "budget.run_cap of 2 reached", 2},
		{"gpu_hours", sweep.Budget{GPUHours: 1.5}, "budget.gpu_hours of 1.5 reached", 3},
		{"wall_clock", sweep.Budget{WallClock: sweep.Duration(90 * time.Second)}, "budget.wall_clock of 1m30s reached", 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := held(t)
			spec := gridSpec(9)
			spec.Budget = test.budget
			for number := range test.ended {
				r.at(1+number, func() { r.end(number, sweep.StatusCompleted) })
			}
			p, err := r.sweep(SweepInput{Spec: spec})
			require.NoError(t, err)
			require.Equal(t, conduct.PhaseCompleted, p.Phase)
			require.Equal(t, test.want, p.Message)
			require.Equal(t, test.ended, p.Finished)
		})
	}
}

func TestSweepWithABrokenLedgerFails(t *testing.T) {
	r := held(t)
	require.NoError(t, r.archive.AppendSegment(t.Context(), "grid", 0, []sweep.Trial{completed(5, sweep.StatusFailed)}))
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(4)})
	require.Contains(t, failedProgress(t, err).Message, "choose another name")
}

func TestSweepShowsItselfInTemporal(t *testing.T) {
	r := held(t)
	var states []string
	shown := map[string]any{}
	r.env.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(attributes temporal.SearchAttributes) bool {
		for key, value := range attributes.GetUntypedValues() {
			shown[key.GetName()] = value
			if key.GetName() == AttrState {
				states = append(states, value.(string))
			}
		}
		return true
	})).Return(nil)
	memo := map[string]any{}
	r.env.OnUpsertMemo(mock.MatchedBy(func(m map[string]any) bool {
		maps.Copy(memo, m)
		return true
	})).Return(nil)
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	_, err := r.sweep(SweepInput{Spec: gridSpec(1)})
	require.NoError(t, err)
	delete(shown, "TemporalChangeVersion")
	require.Equal(t, map[string]any{
		AttrSweep: "grid", AttrState: "completed", AttrDone: int64(1),
		AttrBestHead: 20.0, AttrBestTail: 100.0, AttrGPUHours: 1.0,
	}, shown)
	require.Equal(t, "running", states[0])
	require.Equal(t, "fid.head", memo[MemoHead])
	require.Equal(t, "fid.tail", memo[MemoTail])
	registered := SearchAttributes()
	for name := range shown {
		require.Contains(t, registered, name)
	}
}
