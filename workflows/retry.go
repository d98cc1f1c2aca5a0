package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// work trains and evaluates, repeatedly if the failure classes allow it, and stores the
// outcome in result.
func (t *trial) work(ctx workflow.Context) {
	for {
		done, err := t.attempt(ctx)
		if err == nil && done {
			return
		}
		var failure attemptFailure
		if err != nil {
			failure = failureOf(err)
			t.recordAttempt(ctx, failure.last)
		}
		if ctx.Err() != nil {
			t.result.Status = sweep.StatusCancelled
			return
		}
		if err == nil { // preempted after a checkpoint
			failure.Class, failure.Message = sweep.FailPreempted, "preempted"
		}
		if failure.blocked != "" {
			t.blocked++
			t.attempts--
			t.reportBlocked(ctx, &conduct.BlockCause{Reason: failure.blocked, Message: failure.Message})
		}
		retry, counts := t.retry(failure)
		if !retry {
			t.fail(conduct.Final(t.spec, failure.Failure, t.fruitless))
			return
		}
		if failure.Class == sweep.FailEnvironment {
			t.reportBlocked(ctx, &conduct.BlockCause{Reason: block.Environment, Message: failure.Message})
		}
		if failure.corrupt {
			t.trained = false
		}
		t.backOff(ctx, failure.Failure)
		if counts {
			t.restarts++
		}
		t.after = failure.Class
	}
}

// fail ends the trial as failed.
func (t *trial) fail(f sweep.Failure) {
	t.result.Status, t.result.Error = sweep.StatusFailed, &f
}

// retry reports whether another attempt follows a failed one, and whether that counts
// toward max_restarts.
func (t *trial) retry(f attemptFailure) (retry, counts bool) {
	if t.attempts >= conduct.MaxAttempts || t.blocked >= maxBlocked {
		return false, true
	}
	if f.blocked != "" {
		return true, false
	}
	t.fruitless = conduct.Fruitless(f.Class, t.fruitless, t.result.Steps > t.lastStep)
	return conduct.Retry(t.spec, f.Class, t.restarts, t.fruitless)
}

// recordAttempt adds the time and the last checkpoint of an attempt to the result,
// however the attempt ended.
func (t *trial) recordAttempt(ctx workflow.Context, h activities.Heartbeat) {
	switch h.Stage {
	case activities.StageTrain:
		t.result.TrainTime += h.Seconds
		if t.began == nil {
			began := workflow.Now(ctx).Add(-conduct.Seconds(h.Seconds))
			t.began = &began
		}
	case activities.StageEvaluate:
		t.result.EvalTime += h.Seconds
	}
	if h.Checkpoint.Key != "" {
		t.result.Checkpoint, t.result.Steps = h.Checkpoint.Key, h.Checkpoint.Step
	}
	if h.Progress.Backend != "" {
		t.result.Backend = h.Progress.Backend
	}
}

// backOff waits before the next attempt, as the policy of the failure says.
func (t *trial) backOff(ctx workflow.Context, failure sweep.Failure) {
	if t.result.Steps > t.lastStep {
		t.idle = 0
	}
	t.lastStep = t.result.Steps
	wait := failure.Class.Policy().After(t.idle)
	t.idle++
	if wait == 0 {
		return
	}
	why := fmt.Sprintf("before attempt %d, after %s: %s", t.result.Attempts+1, failure.Class, text.FirstLine(failure.Message))
	t.show(ctx, "waiting "+wait.String()+" "+why)
	timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: clip(why)})
	if err := timer.Get(ctx, nil); err != nil { // the attempt that follows ends as cancelled
		workflow.GetLogger(ctx).Info("the wait was cancelled", "error", err)
	}
}
