package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

func (t *trial) publish(a lifecycle.Publish) lifecycle.Event {
	t.show("publish")
	t.awaitCancel()
	r := &t.machine.Result
	var out activities.PublishResult
	err := execute(t.publishing, !a.Blocked, "publish "+label(r.Assignment), "Publish", activities.PublishInput{
		Owner: t.in.Owner, Sweep: t.spec.Name, Trial: *r, Report: t.receiver(SignalResult),
	}, &out)
	if err != nil {
		f := failureOf(err)
		f.Message = causeOf(err).Message
		return f
	}
	return lifecycle.Published{Trial: out.Trial, Reported: out.Reported}
}

// awaitCancel gives the state machine a cancellation while the trial publishes.
func (t *trial) awaitCancel() {
	if t.awaiting {
		return
	}
	t.awaiting = true
	workflow.Go(t.last, func(ctx workflow.Context) {
		t.ctx.Done().Receive(ctx, nil)
		for _, action := range t.machine.Step(workflow.Now(ctx).UTC(), lifecycle.Cancelled{}) {
			if a, ok := action.(lifecycle.GiveUpIn); ok {
				t.giveUpIn(a)
			}
		}
	})
}

// giveUpIn gives up publishing after a time.
func (t *trial) giveUpIn(a lifecycle.GiveUpIn) {
	workflow.Go(t.last, func(ctx workflow.Context) {
		if err := workflow.NewTimerWithOptions(t.publishing, a.After, workflow.TimerOptions{Summary: TimerGiveUp}).Get(ctx, nil); err == nil {
			t.machine.Step(workflow.Now(ctx).UTC(), lifecycle.GivenUp{})
			t.stop()
		}
	})
}

// wait waits before the next attempt, or before the next try to publish.
func (t *trial) wait(a lifecycle.Wait) lifecycle.Event {
	ctx := t.ctx
	if t.machine.Result.Status != "" {
		ctx, t.next = t.publishing, NextPublish
	}
	why := fmt.Sprintf("after %s (%s): %s", a.Failure.Class, t.next, text.FirstLine(a.Failure.Message))
	t.show("waiting " + a.For.String() + " " + why)
	timer := workflow.NewTimerWithOptions(ctx, a.For, workflow.TimerOptions{Summary: clip(why)})
	if err := timer.Get(ctx, nil); err != nil { // step gives the state machine the cancellation
		workflow.GetLogger(ctx).Info("the wait was cancelled", "error", err)
	}
	return lifecycle.Waited{}
}

// receiver is the sweep's receiver of a signal.
func (t *trial) receiver(signal string) activities.Receiver {
	return activities.Receiver{Workflow: SweepID(t.spec.Name), Name: signal}
}

// signal sends a signal to the current run of the sweep, and reports whether it exists.
func (t *trial) signal(name string, content any) error {
	return workflow.SignalExternalWorkflow(t.last, SweepID(t.spec.Name), "", name, content).Get(t.last, nil)
}

// reportBlock reports to the sweep that the trial is blocked, or with nil that it no
// longer is.
func (t *trial) reportBlock(cause *conduct.BlockCause) {
	if err := t.signal(SignalBlocked, conduct.TrialBlocked{Trial: t.in.Assignment.Number, Cause: cause}); err != nil {
		workflow.GetLogger(t.last).Info("the sweep of a blocked trial has ended", "error", err)
	}
}

// end reports the result to the sweep, unless it has it. A sweep that has ended does not
// receive it; the result is in the archive.
func (t *trial) end(a lifecycle.End) {
	t.stop()
	if !a.Report {
		return
	}
	if err := t.signal(SignalResult, activities.TrialResult{Trial: t.machine.Result}); err != nil {
		workflow.GetLogger(t.last).Warn("the sweep of a finished trial has ended", "sweep", t.spec.Name, "error", err)
	}
}

// ending is how the workflow itself ends, so that lists in the Temporal UI show
// failed and cancelled trials as what they are.
func (t *trial) ending() error {
	switch r := t.machine.Result; r.Status {
	case sweep.StatusCancelled:
		return temporal.NewCanceledError()
	case sweep.StatusFailed:
		return temporal.NewNonRetryableApplicationError(r.Error.Message, string(r.Error.Class), nil)
	default:
		return nil
	}
}
