package workflows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// rungSpec is gridSpec with rungs at steps 100 and 200 of 300, and eta 2.
func rungSpec(n int) sweep.Spec {
	spec := gridSpec(n)
	spec.Metrics = spec.Metrics[:1]
	spec.Evaluate = sweep.Evaluate{SamplesPerClass: 1000, Rung: &sweep.RungEvaluate{SamplesPerClass: 200}}
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 2}
	return spec
}

func verdict(step int, d stopping.Decision, reason string) conduct.RungVerdict {
	return conduct.RungVerdict{Step: step, Verdict: stopping.Verdict{Decision: d, Reason: reason}}
}

// rungTrial runs trial 3 of rungSpec by itself. answer plays its sweep: it
// receives each report and may return an error, as when the sweep has ended.
func (r *rig) rungTrial(answer func(asked int, report conduct.RungReport) error) (reported sweep.Trial, err error) {
	r.t.Helper()
	asked := 0
	r.env.OnSignalExternalWorkflow(mock.Anything, "sweep/grid", "", SignalRung, mock.Anything).Return(
		func(_, _, _, _ string, arg any) error {
			asked++
			return answer(asked, arg.(conduct.RungReport))
		})
	results := r.expectResults()
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: TrialID("grid", 3), TaskQueue: ControlQueue})
	r.env.ExecuteWorkflow(Trial, TrialInput{Spec: rungSpec(4), Assignment: sweep.Assignment{
		Number: 3, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{"infonce.weight": sweep.Number(3)},
	}})
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, *results, 1)
	reported = (*results)[0]
	published, ok, err := r.archive.Result(context.Background(), "grid", 3)
	require.NoError(r.t, err)
	require.True(r.t, ok)
	require.Equal(r.t, published.Status, reported.Status)
	return reported, r.env.GetWorkflowError()
}

// answering gives a verdict at once.
func (r *rig) answering(verdicts ...conduct.RungVerdict) func(int, conduct.RungReport) error {
	return func(asked int, report conduct.RungReport) error {
		v := verdicts[asked-1]
		require.Equal(r.t, conduct.RungReport{Trial: 3, Step: v.Step, Metrics: map[string]float64{"fid.tail": 97}}, report)
		r.env.SignalWorkflow(SignalVerdict, v)
		return nil
	}
}

func TestTrialGoesFromRungToRung(t *testing.T) {
	r := newRig(t)
	got, err := r.rungTrial(r.answering(verdict(100, stopping.Continue, "first"), verdict(200, stopping.Continue, "second")))
	require.NoError(t, err)
	require.Equal(t, sweep.StatusCompleted, got.Status)
	require.Equal(t, []activitiestest.Job{
		{Trial: 3, Attempt: 1, Until: 100},
		{Trial: 3, Attempt: 2, From: 100, Until: 200, Parent: activitiestest.Key(3, 1, 100)},
		{Trial: 3, Attempt: 3, From: 200, Parent: activitiestest.Key(3, 2, 200)},
	}, r.trainer.Jobs())
	require.Equal(t, []activitiestest.Evaluation{
		{Trial: 3, Step: 100, SamplesPerClass: 200}, {Trial: 3, Step: 200, SamplesPerClass: 200}, {Trial: 3, Step: 300, SamplesPerClass: 1000},
	}, r.trainer.Evaluations())
	require.Len(t, got.Rungs, 2)
	require.Equal(t, 100, got.Rungs[0].Step)
	require.Equal(t, "first", got.Rungs[0].Reason)
	require.Equal(t, 97.0, got.Rungs[1].Metrics["fid.tail"])
	require.Equal(t, 0.1, got.Rungs[1].Metrics["loss"])
	require.Equal(t, 97.0, got.Metrics["fid.tail"])
	require.Equal(t, []string{activitiestest.Key(3, 3, 300)}, r.archive.Keys())
	require.Empty(t, r.recorder.Restarts(), "continuing after a rung is not a restart")
}

func TestTrialIsStopped(t *testing.T) {
	r := newRig(t)
	got, err := r.rungTrial(r.answering(verdict(100, stopping.Continue, "first"), verdict(200, stopping.Stop, "second")))
	require.NoError(t, err)
	require.Equal(t, sweep.StatusStopped, got.Status)
	require.Equal(t, "second", got.StopReason())
	require.Empty(t, got.Metrics)
	require.Equal(t, 200, got.Steps)
	require.Equal(t, 2, got.Attempts)
	require.Equal(t, activitiestest.Key(3, 2, 200), got.Checkpoint)
	require.Equal(t, []string{got.Checkpoint}, r.archive.Keys())
	require.Equal(t, "trials/000003/grid.png", got.Grid)
	require.Positive(t, got.TrainTime)
	require.Positive(t, got.EvalTime)
	require.Equal(t, activitiestest.Features, got.Features)
}

func TestTrialAsksAgain(t *testing.T) {
	r := newRig(t)
	var at []time.Duration
	began := r.env.Now()
	got, err := r.rungTrial(func(asked int, report conduct.RungReport) error {
		at = append(at, r.env.Now().Sub(began).Round(time.Second))
		switch asked {
		case 1: // lost
		case 2:
			r.env.SignalWorkflow(SignalVerdict, verdict(200, stopping.Stop, "of another rung"))
		case 3: // twice, as when the second question overtook the first answer
			r.env.SignalWorkflow(SignalVerdict, verdict(100, stopping.Continue, "first"))
			r.env.SignalWorkflow(SignalVerdict, verdict(100, stopping.Continue, "first"))
		case 4:
			r.env.SignalWorkflow(SignalVerdict, verdict(200, stopping.Stop, "second"))
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, lifecycle.AskAgain, 3 * lifecycle.AskAgain, 3 * lifecycle.AskAgain}, at)
	require.Equal(t, []string{"first", "second"}, []string{got.Rungs[0].Reason, got.Rungs[1].Reason})
	require.Equal(t, sweep.StatusStopped, got.Status)
}

func TestTrialCancelledWhileItWaits(t *testing.T) {
	r := newRig(t)
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 30*time.Second)
	got, err := r.rungTrial(func(int, conduct.RungReport) error { return nil })
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, sweep.StatusCancelled, got.Status)
	require.Equal(t, activitiestest.Key(3, 1, 100), got.Checkpoint)
	require.Equal(t, []string{got.Checkpoint}, r.archive.Keys())
	require.Len(t, r.trainer.Jobs(), 1)
	require.Equal(t, 97.0, got.Rungs[0].Metrics["fid.tail"])
}

func TestTrialWhoseSweepIsGoneEndsAtItsRung(t *testing.T) {
	r := newRig(t)
	got, err := r.rungTrial(func(int, conduct.RungReport) error { return errors.New("no such workflow") })
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, sweep.StatusCancelled, got.Status)
	require.Equal(t, activitiestest.Key(3, 1, 100), got.Checkpoint)
	require.Contains(t, got.Rungs[0].Reason, "sweep has ended")
}

func TestTrialOvercomesFailuresAtItsRungs(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {
		{Step: -1}, // to the first rung, whose checkpoint is corrupt
		{Step: -1}, // again
		{Step: 100, Err: failed(sweep.FailLost)},
	}}
	r.archive.CorruptWhenStored(activitiestest.Key(3, 1, 100))
	r.trainer.EvaluateErrors = map[int][]error{3: {failed(sweep.FailPreempted)}}
	got, err := r.rungTrial(r.answering(verdict(100, stopping.Continue, "first"), verdict(200, stopping.Continue, "second")))
	require.NoError(t, err)
	require.Equal(t, sweep.StatusCompleted, got.Status)
	require.Equal(t, 5, got.Attempts)
	require.Len(t, got.Rungs, 2, "each rung is evaluated once")
	var from []int
	for _, job := range r.trainer.Jobs() {
		from = append(from, job.From)
	}
	require.Equal(t, []int{0, 0, 100, 100, 200}, from)
	require.Equal(t, []sweep.FailureClass{sweep.FailTransient, sweep.FailPreempted, sweep.FailLost}, r.recorder.Restarts())
}

func TestTrialThatDivergesBetweenRungs(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: -1}, {Step: 100, Diverge: true}}}
	got, err := r.rungTrial(r.answering(verdict(100, stopping.Continue, "first")))
	require.NoError(t, err)
	require.Equal(t, sweep.StatusDiverged, got.Status)
	require.Len(t, got.Rungs, 1)
	require.Empty(t, got.Metrics)
}

// TestSweepStopsTrialsAtRungs runs sweep and trials together: four trials one after the
// other, each better than those before, then four, each worse.
func TestSweepStopsTrialsAtRungs(t *testing.T) {
	r := newRig(t)
	spec := rungSpec(0)
	for _, v := range []float64{4, 5, 6, 7, 3, 2, 1, 0} {
		spec.Parameters[0].Values = append(spec.Parameters[0].Values, sweep.Number(v))
	}
	spec.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(0)}, Seeds: []int64{7}}
	spec.MaxConcurrentTrials = 1
	p, err := r.sweep(SweepInput{Spec: spec})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 5, sweep.StatusStopped: 4}, p.Counts)
	require.Equal(t, 4, p.Best.Number)
	for _, trial := range r.archive.Trials() {
		switch {
		case trial.Kind == sweep.KindBaseline:
			require.Equal(t, "baseline trials are never stopped", trial.Rungs[1].Reason)
			fallthrough
		case trial.Number < 5:
			require.Equal(t, sweep.StatusCompleted, trial.Status)
			require.Equal(t, []int{100, 200}, []int{trial.Rungs[0].Step, trial.Rungs[1].Step})
		default:
			require.Equal(t, sweep.StatusStopped, trial.Status)
			require.Contains(t, trial.StopReason(), "at step 100: only the best ")
		}
	}
	require.Equal(t, []string{activitiestest.Key(4, 3, 300)}, r.archive.Keys(), "stopped trials keep no checkpoint")
	states := r.recorder.States()
	require.Equal(t, 4, states[len(states)-1].ByStatus[sweep.StatusStopped])
}

// reports has a held trial's rung reported.
func (r *rig) reports(number, step int, tail float64) {
	r.env.SignalWorkflow(SignalRung, conduct.RungReport{Trial: number, Step: step, Metrics: map[string]float64{"fid.tail": tail, "fid.all": 1}})
}

func TestVerdictsSurviveContinueAsNew(t *testing.T) {
	r := held(t)
	spec := rungSpec(6)
	spec.MaxConcurrentTrials = 3
	r.at(1, func() { r.command(conduct.CommandPause) }) // a paused sweep answers as ever
	r.at(2, func() { r.reports(0, 100, 10); r.reports(1, 100, 20); r.reports(1, 100, 20) })
	r.at(3, func() { r.reports(9, 100, 10); r.reports(1, 150, 10); r.reports(0, 200, 9) })
	r.at(4, func() {
		require.Equal(t, "place 2 of 2 at step 100: only the best 1 continue", r.progress().Running[1].Verdict.Reason)
		r.end(0, sweep.StatusCompleted)
		r.reports(2, 100, 15) // while the run already continues as new
	})
	_, err := r.sweep(SweepInput{Spec: spec, ContinueAfter: 1})
	next := continuedInput(t, err)
	first := verdict(100, stopping.Stop, "place 2 of 2 at step 100: only the best 1 continue")
	require.Equal(t, []conduct.RungVerdict{
		verdict(100, stopping.Continue, "result 1 at step 100: no trial is stopped before there are 2"), first, first,
		verdict(150, stopping.Continue, "step 150 is not a rung of this trial"),
		verdict(200, stopping.Continue, "result 1 at step 200: no trial is stopped before there are 2"),
		verdict(100, stopping.Stop, "place 2 of 3 at step 100: only the best 1 continue"),
	}, r.verdicts)
	require.Equal(t, map[string]float64{"fid.tail": 10}, next.State.Rungs[0].Metrics, "no more than the spec's metrics")
	require.Len(t, next.State.Rungs, 4)

	r.hold()
	r.env.OnSignalExternalWorkflow(mock.Anything, TrialID("grid", 1), "", SignalVerdict, first).Return(nil).Once()
	r.at(1, func() { r.reports(1, 100, 20) }) // the verdict was lost, and it asks again
	r.at(2, func() {
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(1, sweep.StatusStopped)})
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(2, sweep.StatusStopped)})
		r.command(conduct.CommandStop)
	})
	next.ContinueAfter = 0
	p, err := r.sweep(next)
	require.NoError(t, err)
	r.env.AssertExpectations(t)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 1, sweep.StatusStopped: 2}, p.Counts)
}

// A signal that is under way when a run ends would be lost.
func TestSweepContinuesAsNewWhenItsVerdictIsThere(t *testing.T) {
	r := held(t)
	began := r.env.Now()
	state := &conduct.State{Phase: conduct.PhasePaused, StartedAt: began, LookAt: began.Add(time.Hour), Next: 2, Counts: map[sweep.Status]int{}}
	for number := range 2 {
		state.Running = append(state.Running, conduct.Running{Assignment: completed(number, sweep.StatusCompleted).Assignment, StartedAt: began})
	}
	r.env.OnSignalExternalWorkflow(mock.Anything, TrialID("grid", 1), "", SignalVerdict, mock.Anything).Return(nil).After(3 * time.Minute).Once()
	r.at(1, func() { r.reports(1, 100, 20) })
	r.at(2, func() {
		r.env.SignalWorkflow(SignalResult, activities.TrialResult{Trial: completed(0, sweep.StatusCompleted)})
	})
	_, err := r.sweep(SweepInput{Spec: rungSpec(2), State: state, ContinueAfter: 1})
	running := continuedInput(t, err).State.Running
	require.Equal(t, 100, running[0].Verdict.Step)
	require.Empty(t, running[0].Unconfirmed)
	require.GreaterOrEqual(t, r.env.Now().Sub(began), 4*time.Minute)
	r.env.AssertExpectations(t)
}

// A verdict does not wait for a store that is away. A trial that cannot receive it is
// looked for.
func TestSweepAnswersWhileTheStoreIsAway(t *testing.T) {
	r := held(t)
	r.env.OnSignalExternalWorkflow(mock.Anything, TrialID("grid", 1), "", SignalVerdict, mock.Anything).Return(errors.New("no such workflow"))
	r.executions.Set(TrialID("grid", 1), activities.ExecutionTerminated)
	r.archive.Fail("AppendSegment", errors.New("store is away"))
	r.at(1, func() { r.end(0, sweep.StatusCompleted) })
	r.at(2, func() { r.reports(1, 100, 20) })
	r.at(3, func() {
		require.Equal(t, 100, r.progress().Running[1].Verdict.Step)
		r.archive.Fail("AppendSegment", nil)
	})
	p, err := r.sweep(SweepInput{Spec: rungSpec(2)})
	require.NoError(t, err)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 1, sweep.StatusFailed: 1}, p.Counts)
}
