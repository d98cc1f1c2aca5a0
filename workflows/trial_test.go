package workflows

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

func failed(class sweep.FailureClass) error {
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: "on purpose"}}
}

// runTrial runs trial 3 by itself and returns what it reported to its sweep.
func (r *rig) runTrial() (reported sweep.Trial, err error) {
	r.t.Helper()
	return r.runTrialOf(gridSpec(4))
}

func (r *rig) runTrialOf(spec sweep.Spec) (reported sweep.Trial, err error) {
	r.t.Helper()
	r.env.OnSignalExternalWorkflow(mock.Anything, "sweep/grid", "", SignalBlocked, mock.Anything).Maybe().Return(
		func(_, _, _, _ string, arg any) error {
			r.blocked = append(r.blocked, arg.(conduct.TrialBlocked))
			return nil
		})
	results := r.expectResults()
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: TrialID("grid", 3), TaskQueue: ControlQueue})
	r.env.ExecuteWorkflow(Trial, TrialInput{Spec: spec, Assignment: sweep.Assignment{
		Number: 3, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{"infonce.weight": sweep.Number(3)},
	}})
	require.True(r.t, r.env.IsWorkflowCompleted())
	require.Len(r.t, *results, 1, r.env.GetWorkflowError())
	reported = (*results)[0]
	published, ok, _ := r.archive.Result(context.Background(), "grid", 3)
	if ok {
		require.Equal(r.t, published.Status, reported.Status)
	}
	return reported, r.env.GetWorkflowError()
}

func TestTrialAttempts(t *testing.T) {
	at := func(step int, err error) activitiestest.Fault { return activitiestest.Fault{Step: step, Err: err} }
	preempted := activitiestest.Fault{Step: 100, Preempt: true}
	tests := []struct {
		name       string
		faults     []activitiestest.Fault
		evaluate   []error
		corrupt    []string // keys
		status     sweep.Status
		failure    sweep.FailureClass
		from       []int // step that each attempt began from
		restarts   []sweep.FailureClass
		checkpoint string
	}{
		{
			name: "nothing goes wrong", status: sweep.StatusCompleted, from: []int{0},
			checkpoint: activitiestest.Key(3, 1, 300),
		},
		{
			name:   "a lost node resumes from the last checkpoint",
			faults: []activitiestest.Fault{at(200, failed(sweep.FailLost))},
			status: sweep.StatusCompleted, from: []int{0, 200}, restarts: []sweep.FailureClass{sweep.FailLost},
			checkpoint: activitiestest.Key(3, 2, 300),
		},
		{
			name:    "a corrupt last checkpoint falls back to the one before",
			faults:  []activitiestest.Fault{at(200, failed(sweep.FailTransient))},
			corrupt: []string{activitiestest.Key(3, 1, 200)},
			status:  sweep.StatusCompleted, from: []int{0, 100}, restarts: []sweep.FailureClass{sweep.FailTransient},
			checkpoint: activitiestest.Key(3, 2, 300),
		},
		{
			name: "restarts are bounded by max_restarts",
			faults: []activitiestest.Fault{
				at(100, failed(sweep.FailLost)), at(100, failed(sweep.FailTransient)), at(200, failed(sweep.FailLost)),
			},
			status: sweep.StatusFailed, failure: sweep.FailLost, from: []int{0, 100, 100},
			restarts:   []sweep.FailureClass{sweep.FailLost, sweep.FailTransient},
			checkpoint: activitiestest.Key(3, 3, 200),
		},
		{
			name:   "preemption does not count",
			faults: []activitiestest.Fault{preempted, preempted, preempted, preempted},
			status: sweep.StatusCompleted, from: []int{0, 100, 100, 100, 100},
			restarts: []sweep.FailureClass{
				sweep.FailPreempted, sweep.FailPreempted, sweep.FailPreempted, sweep.FailPreempted,
			},
			checkpoint: activitiestest.Key(3, 5, 300),
		},
		{
			name:   "out of memory is not tried again",
			faults: []activitiestest.Fault{at(0, failed(sweep.FailOutOfMemory))},
			status: sweep.StatusFailed, failure: sweep.FailOutOfMemory, from: []int{0},
		},
		{
			name:   "bad data is not tried again",
			faults: []activitiestest.Fault{at(100, failed(sweep.FailBadData))},
			status: sweep.StatusFailed, failure: sweep.FailBadData, from: []int{0}, checkpoint: activitiestest.Key(3, 1, 100),
		},
		{
			name:   "a bug is not tried again",
			faults: []activitiestest.Fault{at(100, failed(sweep.FailBug))},
			status: sweep.StatusFailed, failure: sweep.FailBug, from: []int{0}, checkpoint: activitiestest.Key(3, 1, 100),
		},
		{
			name:   "divergence is a result",
			faults: []activitiestest.Fault{{Step: 200, Diverge: true}},
			status: sweep.StatusDiverged, from: []int{0},
		},
		{
			name:     "evaluation is tried again by itself",
			evaluate: []error{errors.New("no route to host")},
			status:   sweep.StatusCompleted, from: []int{0}, restarts: []sweep.FailureClass{sweep.FailTransient},
			checkpoint: activitiestest.Key(3, 1, 300),
		},
		{
			name:    "a final checkpoint that is corrupt is trained again",
			corrupt: []string{activitiestest.Key(3, 1, 300)},
			status:  sweep.StatusCompleted, from: []int{0, 200}, restarts: []sweep.FailureClass{sweep.FailTransient},
			checkpoint: activitiestest.Key(3, 2, 300),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.trainer.Faults = map[int][]activitiestest.Fault{3: test.faults}
			r.trainer.EvaluateErrors = map[int][]error{3: test.evaluate}
			for _, key := range test.corrupt {
				r.archive.CorruptWhenStored(key)
			}
			got, err := r.runTrial()

			require.Equal(t, test.status, got.Status)
			require.Equal(t, len(test.from), got.Attempts)
			var from []int
			for i, job := range r.trainer.Jobs() {
				require.Equal(t, i+1, job.Attempt, "each attempt has a number of its own")
				from = append(from, job.From)
			}
			require.Equal(t, test.from, from)
			require.Equal(t, test.restarts, r.recorder.Restarts())
			require.Equal(t, test.checkpoint, got.Checkpoint)
			var kept []string
			if test.checkpoint != "" {
				kept = []string{test.checkpoint}
			}
			require.ElementsMatch(t, kept, r.archive.Keys(), "intermediate checkpoints are removed, the last one is kept")
			if test.failure == "" {
				require.NoError(t, err)
				require.Nil(t, got.Error)
				return
			}
			require.Equal(t, test.failure, got.Error.Class)
			require.Equal(t, "on purpose", got.Error.Message)
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, string(test.failure), application.Type())
		})
	}
}

// A trial whose attempts end before the next step is given up, in evaluation and in training.
func TestTrialThatOnlyLosesIsGivenUp(t *testing.T) {
	r := newRig(t)
	preempted := make([]error, lifecycle.MaxAttempts)
	for i := range preempted {
		preempted[i] = failed(sweep.FailPreempted)
	}
	r.trainer.EvaluateErrors = map[int][]error{3: preempted}
	got, err := r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.FailPreempted, got.Error.Class)
	require.Contains(t, got.Error.Message, "given up: 12 attempts in a row were lost or preempted before the next step; the last one: on purpose")
	require.Equal(t, 1, got.Attempts, "attempts at training")
	require.Len(t, r.recorder.Restarts(), 12, "the first one moved: the training was complete")

	r = newRig(t)
	var moving []activitiestest.Fault
	for range 30 {
		moving = append(moving, activitiestest.Fault{Step: 100, Preempt: true})
	}
	r.trainer.Faults = map[int][]activitiestest.Fault{3: moving}
	got, err = r.runTrial()
	require.Error(t, err)
	require.Equal(t, 13, got.Attempts, "the first one moved")
}

// A machine that cannot run the trainer is shown until an attempt on another one ends.
func TestTrialReportsABrokenWorker(t *testing.T) {
	r := newRig(t)
	r.env.SetIdentity("7@gpu-1")
	broken := activitiestest.Fault{Err: failed(sweep.FailEnvironment)}
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {broken, broken}}
	got, err := r.runTrial()
	require.NoError(t, err)
	require.Equal(t, 3, got.Attempts)
	require.Len(t, r.blocked, 3)
	require.Equal(t, conduct.BlockCause{Reason: block.Environment, Message: "worker 7@gpu-1: on purpose"}, *r.blocked[1].Cause)
	require.Nil(t, r.blocked[2].Cause)

	r = newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {broken, broken, broken}}
	got, err = r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.FailEnvironment, got.Error.Class, "max_restarts of 2")
}

func TestTrialChargesSlotTime(t *testing.T) {
	r := newRig(t)
	hold := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { close(hold) }) // of which a busy machine may take most to start
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Hang: true, Until: hold}}}
	got, err := r.runTrial()
	require.NoError(t, err)
	require.GreaterOrEqual(t, got.TrainTime, 0.03)
	require.Positive(t, got.EvalTime)
}

func TestTrialWhoseWorkerGoesSilent(t *testing.T) {
	r := newRig(t)
	last := activities.Heartbeat{
		Stage: activities.StageTrain, Attempt: 1, Seconds: 40,
		Progress: activities.Progress{Step: 150}, Checkpoint: r.archive.Store(3, 1, 100, false),
	}
	r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(
		activities.TrainResult{}, temporal.NewHeartbeatTimeoutError(last)).Once()
	r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(r.do.Train)
	got, err := r.runTrial()
	require.NoError(t, err)
	require.Equal(t, sweep.StatusCompleted, got.Status)
	require.Equal(t, 2, got.Attempts)
	require.Greater(t, got.TrainTime, 40.0, "the silent attempt's slot time counts")
	require.Equal(t, []sweep.FailureClass{sweep.FailLost}, r.recorder.Restarts())
	require.Equal(t, 100, r.trainer.Jobs()[0].From)
}

func TestTrialCancelledKeepsItsCheckpoint(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 200, Hang: true}}}
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, time.Second)
	got, err := r.runTrial()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, sweep.StatusCancelled, got.Status)
	require.Nil(t, got.Error)
	require.Equal(t, activitiestest.Key(3, 1, 200), got.Checkpoint)
	require.Equal(t, []string{got.Checkpoint}, r.archive.Keys())
	require.Equal(t, 200, got.Steps)
}

func TestTrialCancelledBetweenAttempts(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Err: failed(sweep.FailTransient)}}}
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, sweep.FailTransient.Policy().Wait/2)
	got, err := r.runTrial()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, sweep.StatusCancelled, got.Status)
	require.Len(t, r.trainer.Jobs(), 1, "no attempt follows")
}

func TestTrialWithoutASweepEnds(t *testing.T) {
	r := newRig(t)
	r.executions.Receive = func(activities.Receiver, any) error { return errors.New("no connection") }
	r.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		errors.New("no such workflow"))
	r.env.ExecuteWorkflow(Trial, TrialInput{Spec: gridSpec(1)})
	require.NoError(t, r.env.GetWorkflowError())
	_, ok, err := r.archive.Result(context.Background(), "grid", 0)
	require.NoError(t, err)
	require.True(t, ok, "the result is kept even so")
}

// A trial reports its result once: from the activity that publishes it or, where that cannot
// reach the sweep, from its workflow.
func TestTrialReportsOnce(t *testing.T) {
	for _, fault := range []error{nil, activities.ErrNoExecution, errors.New("no connection")} {
		r := newRig(t)
		results := r.expectResults()
		inActivity := r.executions.Receive
		r.executions.Receive = func(to activities.Receiver, content any) error {
			if fault != nil {
				return fault
			}
			return inActivity(to, content)
		}
		r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: TrialID("grid", 0), TaskQueue: ControlQueue})
		r.env.ExecuteWorkflow(Trial, TrialInput{Spec: gridSpec(1)})
		require.NoError(t, r.env.GetWorkflowError())
		published, ok, err := r.archive.Result(context.Background(), "grid", 0)
		require.NoError(t, err)
		require.True(t, ok)
		if errors.Is(fault, activities.ErrNoExecution) {
			require.Empty(t, *results, "there is no sweep to report to")
			continue
		}
		require.Len(t, *results, 1)
		require.Equal(t, published.Status, (*results)[0].Status)
	}
}

func TestTrialThatCannotBePublished(t *testing.T) {
	r := newRig(t)
	r.archive.Fail("PutResult", activities.ErrConflict)
	got, err := r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.StatusFailed, got.Status)
	require.Equal(t, sweep.FailBug, got.Error.Class)
	require.Contains(t, got.Error.Message, "publish: ")
}

// A trial whose evaluation lacks an objective has not completed.
func TestTrialWithoutItsObjectiveFails(t *testing.T) {
	r := newRig(t)
	r.trainer.Metrics = func(sweep.Assignment) map[string]float64 {
		return map[string]float64{"fid.tail": math.NaN(), "fid.head": 1}
	}
	got, err := r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.StatusFailed, got.Status)
	require.Equal(t, sweep.Failure{Class: sweep.FailBadData, Message: "the evaluation of trial 3 measured no fid.tail, which the spec asks for"}, *got.Error)
}

// An evaluation that is too large for a payload is refused, and does not stop the ledger.
func TestTrialWithTooManyMetricsFails(t *testing.T) {
	r := newRig(t)
	r.trainer.Metrics = func(sweep.Assignment) map[string]float64 {
		many := map[string]float64{"fid.tail": 1, "fid.head": 1}
		for i := range 10_000 {
			many[fmt.Sprintf("metric.%d", i)] = 1.5
		}
		return many
	}
	got, err := r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.FailBadData, got.Error.Class)
	require.Regexp(t, `^the evaluation of trial 3 has \d+ bytes; the result of a trial can have 65536$`, got.Error.Message)
	require.Less(t, conduct.SizeOf(got), conduct.TrialLimit)
}

// A store that refuses the worker's keys costs no restart.
func TestTrialOutlivesARefusingStore(t *testing.T) {
	r := newRig(t)
	refused := make([]error, 10)
	for i := range refused {
		refused[i] = blockedError{}
	}
	r.trainer.EvaluateErrors = map[int][]error{3: refused}
	began := r.env.Now()
	got, err := r.runTrial()
	require.NoError(t, err)
	require.Equal(t, sweep.StatusCompleted, got.Status)
	require.Equal(t, 5*time.Second*(1+2+4+8+16+32)+4*sweep.FailTransient.Policy().MaxWait, got.FinishedAt.Sub(began).Round(time.Second), "the rests grow to their limit")
	require.Len(t, r.blocked, 11, "the sweep knows what blocks the trial, and when it continues")
	require.Equal(t, conduct.BlockCause{Reason: block.NoBucket, Message: "the bucket does not exist"}, *r.blocked[0].Cause)
	require.Nil(t, r.blocked[10].Cause)
}

// max_trial_time counts from the first start of training, and the wait for a worker.
func TestTrialEndsAtItsTimeLimit(t *testing.T) {
	spec := gridSpec(4)
	spec.MaxTrialTime, spec.MaxRestarts = sweep.Duration(time.Hour), 0
	trained := func(status sweep.Outcome, step int, seconds float64) activities.TrainResult {
		return activities.TrainResult{Outcome: activities.Outcome{Status: status, Step: step}, Seconds: seconds, Checkpoint: activities.CheckpointRef{Key: activitiestest.Key(3, 1, step), Step: step}}
	}
	t.Run("while it trains", func(t *testing.T) {
		r := newRig(t)
		r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.TrainInput) (activities.TrainResult, error) {
			require.Equal(t, time.Hour, in.Left)
			require.False(t, in.Waited)
			r.archive.Store(3, 1, 200, false)
			return trained(sweep.OutcomeTimeUp, 200, 3600), nil
		})
		got, err := r.runTrialOf(spec)
		require.NoError(t, err)
		require.Equal(t, sweep.StatusStopped, got.Status)
		require.Equal(t, "max_trial_time of 1h reached at step 200", got.StopReason())
		require.Equal(t, activitiestest.Key(3, 1, 200), got.Checkpoint)
		require.Equal(t, []string{got.Checkpoint}, r.archive.Keys(), "the checkpoint is kept")
		require.Empty(t, got.Metrics)
	})
	t.Run("while it waits for a worker again", func(t *testing.T) {
		r := newRig(t)
		attempts := 0
		r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.TrainInput) (activities.TrainResult, error) {
			attempts++
			r.archive.Store(3, 1, 100, false)
			if attempts == 1 {
				return trained(sweep.OutcomePreempted, 100, 1800), nil
			}
			require.Equal(t, 30*time.Minute, in.Left.Round(time.Minute))
			require.True(t, in.Waited)
			return activities.TrainResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)
		}).After(1800 * time.Second)
		got, err := r.runTrialOf(spec)
		require.NoError(t, err)
		require.Equal(t, sweep.StatusStopped, got.Status)
		require.Equal(t, "max_trial_time of 1h reached at step 100", got.StopReason())
		require.Equal(t, 2, attempts)
	})
}

// A cancelled trial ends although its result cannot be stored.
func TestTrialCancelledWithoutAStoreEnds(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Err: failed(sweep.FailTransient)}}}
	r.archive.Fail("PutResult", errors.New("store is away"))
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, sweep.FailTransient.Policy().Wait/2)
	began := r.env.Now()
	got, err := r.runTrial()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, sweep.StatusCancelled, got.Status)
	require.Equal(t, "publish: given up 3m0s after the trial was cancelled", got.Error.Message)
	require.WithinDuration(t, began.Add(lifecycle.PublishGrace), r.env.Now(), time.Minute)
}

// The attempt after one that was blocked reports itself that it goes on: the sweep does
// not show the trial as blocked until the attempt has ended.
func TestTrialLetsItsNextAttemptReportThatItGoesOn(t *testing.T) {
	r := newRig(t)
	var reports []activities.Receiver
	var shown []block.Reason
	r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.TrainInput) (activities.TrainResult, error) {
		reports = append(reports, in.Report)
		if shown = append(shown, in.BlockedBy); len(shown) == 1 {
			return activities.TrainResult{}, temporal.NewApplicationError("the bucket does not exist", string(block.NoBucket))
		}
		return r.do.Train(ctx, in)
	})
	_, err := r.runTrial()
	require.NoError(t, err)
	to := activities.Receiver{Workflow: "sweep/grid", Name: SignalBlocked}
	require.Equal(t, []activities.Receiver{to, to}, reports)
	require.Equal(t, []block.Reason{"", block.NoBucket}, shown)
}

// An attempt that has reported to the sweep that the trial is blocked may be lost or fail, or
// be unable to report that it is not. The trial reports it when an attempt succeeds.
func TestTrialReportsThatItIsNotBlockedForItsAttempts(t *testing.T) {
	full := activities.Shown{BlockedBy: block.Full}
	lost := &activities.Heartbeat{Shown: full} // refused: it did nothing
	for name, c := range map[string]struct {
		end    error
		reason block.Reason
	}{
		"failed":                    {temporal.NewApplicationError("killed", string(sweep.FailLost), lost), block.Full},
		"lost":                      {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil, lost), block.Full},
		"lost, of an earlier build": {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil, map[string]any{"blocked": true}), block.Other},
		"done":                      {},
	} {
		t.Run(name, func(t *testing.T) {
			r, end := newRig(t), c.end
			var shown []block.Reason
			r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.TrainInput) (activities.TrainResult, error) {
				if shown = append(shown, in.BlockedBy); len(shown) == 1 && end != nil {
					return activities.TrainResult{}, end
				}
				result, err := r.do.Train(ctx, in)
				if end == nil {
					result.Shown = full
				}
				return result, err
			})
			_, err := r.runTrial()
			require.NoError(t, err)
			require.Equal(t, []conduct.TrialBlocked{{Trial: 3}}, r.blocked)
			if end != nil {
				require.Equal(t, []block.Reason{"", c.reason}, shown)
			}
		})
	}
	r := newRig(t)
	r.env.OnActivity(r.do.Evaluate, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.EvaluateInput) (activities.EvaluateResult, error) {
		require.Equal(t, activities.Receiver{Workflow: "sweep/grid", Name: SignalBlocked}, in.Report)
		result, err := r.do.Evaluate(ctx, in)
		result.Shown = full
		return result, err
	})
	_, err := r.runTrial()
	require.NoError(t, err)
	require.Equal(t, []conduct.TrialBlocked{{Trial: 3}}, r.blocked)
}

// A trial that is blocked while it publishes ends before its history is too long for the
// server.
func TestTrialGivesUpPublishing(t *testing.T) {
	r := newRig(t)
	r.archive.Fail("PutResult", errors.New("store is away"))
	got, err := r.runTrial()
	require.Error(t, err)
	require.Equal(t, sweep.StatusFailed, got.Status)
	require.Equal(t, "publish: given up after 2500 attempts that were blocked: publish trial 3: store is away", got.Error.Message)
}

// What is left of max_trial_time is computed when the attempt starts, not before the signal
// that the trial is no longer blocked.
func TestTrialCountsTheTimeOfItsSignals(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.MaxTrialTime = sweep.Duration(time.Hour)
	r.env.OnSignalExternalWorkflow(mock.Anything, "sweep/grid", "", SignalBlocked, mock.MatchedBy(func(b conduct.TrialBlocked) bool { return b.Cause == nil })).Return(nil).After(20 * time.Minute)
	var left []time.Duration
	r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.TrainInput) (activities.TrainResult, error) {
		left = append(left, in.Left.Round(time.Minute))
		ref := r.archive.Store(3, in.Attempt, 100*in.Attempt, false)
		switch in.Attempt {
		case 1:
			return activities.TrainResult{Outcome: activities.Outcome{Status: sweep.OutcomePreempted, Step: 100}, Seconds: 1, Checkpoint: ref}, nil
		case 2:
			return activities.TrainResult{}, temporal.NewApplicationError("the bucket does not exist", string(block.NoBucket))
		case 3:
			return activities.TrainResult{Outcome: activities.Outcome{Status: sweep.OutcomePreempted, Step: 300}, Seconds: 1, Checkpoint: ref}, nil
		}
		return activities.TrainResult{}, failed(sweep.FailBug)
	})
	_, _ = r.runTrialOf(spec)
	require.Len(t, left, 4)
	require.Equal(t, 40*time.Minute, left[3], "%v", left)
}

// A trial whose max_trial_time is used up while it signals that it is not blocked has no further
// attempt.
func TestTrialWhoseTimeIsUsedUpWhileItSignals(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.MaxTrialTime = sweep.Duration(time.Hour)
	r.env.OnSignalExternalWorkflow(mock.Anything, "sweep/grid", "", SignalBlocked, mock.MatchedBy(func(b conduct.TrialBlocked) bool { return b.Cause == nil })).Return(nil).After(2 * time.Hour)
	attempts := 0
	r.env.OnActivity(r.do.Train, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.TrainInput) (activities.TrainResult, error) {
		if attempts++; attempts == 2 {
			return activities.TrainResult{}, temporal.NewApplicationError("the bucket does not exist", string(block.NoBucket))
		}
		ref := r.archive.Store(3, in.Attempt, 100*in.Attempt, false)
		return activities.TrainResult{Outcome: activities.Outcome{Status: sweep.OutcomePreempted, Step: 100 * in.Attempt}, Seconds: 1, Checkpoint: ref}, nil
	})
	got, err := r.runTrialOf(spec)
	require.NoError(t, err)
	require.Equal(t, 3, attempts)
	require.Equal(t, sweep.StatusStopped, got.Status)
	require.Contains(t, got.Limit, "max_trial_time of 1h reached")
}

// A trial that was cancelled while it waited has made one attempt.
func TestTrialCancelledWhileItWaitsCountsNoAttempt(t *testing.T) {
	r := newRig(t)
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {{Step: 100, Err: failed(sweep.FailTransient)}}}
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, sweep.FailTransient.Policy().Wait/2)
	got, _ := r.runTrial()
	require.Equal(t, 1, got.Attempts)
}

// A program of the user measures while it trains: without a dataset nothing is evaluated, and
// with one its metrics are added to those of its samples.
func TestTrialOfAProgram(t *testing.T) {
	for name, c := range map[string]struct {
		dataset     string
		evaluations int
		tail        float64
	}{
		"alone":        {"", 0, 1},
		"with samples": {sweep.FashionMNIST10k, 1, 97},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			spec := gridSpec(4)
			spec.Trainer, spec.Dataset = &sweep.Trainer{Command: []string{"train.sh"}}, sweep.Dataset{Name: c.dataset, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
			spec.Metrics = []sweep.Objective{{Name: "own", Goal: sweep.Maximize}}
			got, err := r.runTrialOf(spec)
			require.NoError(t, err)
			require.Equal(t, sweep.StatusCompleted, got.Status)
			require.Equal(t, float64(spec.Train.Steps), got.Metrics["own"])
			require.Equal(t, c.tail, got.Metrics["fid.tail"], "what tailsweep has measured counts more")
			require.Len(t, r.trainer.Evaluations(), c.evaluations)
		})
	}
}
