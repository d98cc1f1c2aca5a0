package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// publish records the result, on the context last. A result that cannot be recorded does
// not count: the trial is then reported as failed. Recording is retried while the store
// is unreachable, but only for leavePublish once ctx is cancelled. reported is true if the
// activity has reported the result to the sweep.
func (t *trial) publish(ctx, last workflow.Context) (reported bool) {
	t.show(last, "publish")
	publishing, stop := workflow.WithCancel(last)
	defer stop()
	gaveUp := false
	workflow.Go(last, func(last workflow.Context) {
		ctx.Done().Receive(last, nil)
		if err := workflow.NewTimerWithOptions(publishing, leavePublish, workflow.TimerOptions{Summary: "give up publishing"}).Get(last, nil); err == nil {
			gaveUp = true
			stop()
		}
	})
	t.result = conduct.Bounded(t.result)
	for t.idle = 0; ; {
		published, err := t.publishOnce(publishing)
		if err == nil {
			t.result = published.Trial
			return published.Reported
		}
		failure := failureOf(err)
		if gaveUp || failure.permanent {
			t.fail(sweep.Failure{Class: failure.Class, Message: "publish: " + failure.Message})
			t.result.Metrics = nil
			if gaveUp {
				t.result.Status, t.result.Error.Message = sweep.StatusCancelled, fmt.Sprintf("publish: given up %v after the trial was cancelled", leavePublish)
			}
			return false
		}
		if t.blocked++; t.blocked >= maxBlocked {
			t.fail(sweep.Failure{Class: failure.Class, Message: fmt.Sprintf("publish: given up after %d attempts that were blocked: %s", t.blocked, failure.Message)})
			t.result.Metrics = nil
			return false
		}
		cause := causeOf(err)
		t.reportBlocked(last, &cause)
		t.backOff(publishing, failure.Failure)
	}
}

func (t *trial) publishOnce(ctx workflow.Context) (published activities.PublishResult, err error) {
	err = execute(ctx, t.blocked == 0, "publish "+label(t.result.Assignment), "Publish", activities.PublishInput{
		Owner: t.in.Owner, Sweep: t.spec.Name, Trial: t.result, Report: activities.Receiver{Workflow: SweepID(t.spec.Name), Name: SignalResult},
	}, &published)
	return published, err
}

// reportBlocked reports to the sweep that the trial is blocked, or with nil that it no
// longer is.
func (t *trial) reportBlocked(ctx workflow.Context, cause *conduct.BlockCause) {
	if cause == nil && !t.reported {
		return
	}
	t.reported = cause != nil
	err := workflow.SignalExternalWorkflow(ctx, SweepID(t.spec.Name), "", SignalBlocked,
		conduct.TrialBlocked{Trial: t.result.Number, Cause: cause}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Info("the sweep of a blocked trial has ended", "error", err)
	}
}

// unblock is the signal with which a training attempt reports that the store accepts
// its checkpoints again; nil while the sweep does not show the trial as blocked.
func (t *trial) unblock() *activities.Signal {
	if !t.reported {
		return nil
	}
	return &activities.Signal{Receiver: activities.Receiver{Workflow: SweepID(t.spec.Name), Name: SignalBlocked}, Content: conduct.TrialBlocked{Trial: t.result.Number}}
}

// report sends the result to the current run of the sweep. A sweep that has ended does
// not receive it; the result is in the archive.
func (t *trial) report(ctx workflow.Context) {
	id := SweepID(t.spec.Name)
	err := workflow.SignalExternalWorkflow(ctx, id, "", SignalResult, activities.TrialResult{Trial: t.result}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("the sweep of a finished trial has ended", "sweep", id, "error", err)
	}
}

// ending is how the workflow itself ends, so that lists in the Temporal UI show
// failed and cancelled trials as what they are.
func (t *trial) ending() error {
	switch t.result.Status {
	case sweep.StatusCancelled:
		return temporal.NewCanceledError()
	case sweep.StatusFailed:
		return temporal.NewNonRetryableApplicationError(t.result.Error.Message, string(t.result.Error.Class), nil)
	default:
		return nil
	}
}
