package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// askVerdict reports the last rung to the sweep and waits for its verdict. It repeats
// the report at growing intervals, since the sweep may have been reset to a time before
// it received the report. A trial whose sweep has ended ends, too; its checkpoint is kept.
func (t *trial) askVerdict(ctx workflow.Context) (continues bool, err error) {
	rung := &t.result.Rungs[len(t.result.Rungs)-1]
	t.show(ctx, fmt.Sprintf("waiting for the verdict at step %d", rung.Step))
	verdicts := workflow.GetSignalChannel(ctx, SignalVerdict)
	report := conduct.RungReport{Trial: t.result.Number, Step: rung.Step, Metrics: t.spec.Objectives(rung.Metrics)}
	for wait := askAgain; ; wait = min(2*wait, askAgainMax) {
		id := SweepID(t.spec.Name)
		if err := workflow.SignalExternalWorkflow(ctx, id, "", SignalRung, report).Get(ctx, nil); err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Warn("the sweep of a trial at a rung has ended", "sweep", id, "error", err)
			t.result.Status, rung.Reason = sweep.StatusCancelled, "its sweep has ended, so there is no verdict"
			return false, nil
		}
		v, err := t.await(ctx, verdicts, rung.Step, wait)
		switch {
		case err != nil:
			return false, err
		case v.Decision == "":
			continue
		case v.Decision == stopping.Stop:
			t.result.Status = sweep.StatusStopped
		}
		rung.Reason = v.Reason
		return v.Decision != stopping.Stop, nil
	}
}

// await waits for the verdict at a step, for at most wait; it is empty if none came. It
// ignores verdicts at other steps, which follow earlier reports that were sent twice.
func (t *trial) await(ctx workflow.Context, verdicts workflow.ReceiveChannel, step int, wait time.Duration) (conduct.RungVerdict, error) {
	waiting, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(waiting, wait, workflow.TimerOptions{Summary: "ask for the verdict again"})
	for {
		var v conduct.RungVerdict
		selector := workflow.NewSelector(ctx).
			AddReceive(verdicts, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &v) }).
			AddFuture(timer, func(workflow.Future) {})
		if selector.Select(ctx); ctx.Err() != nil {
			return conduct.RungVerdict{}, ctx.Err()
		}
		switch {
		case v.Step == step:
			return v, nil
		case timer.IsReady():
			return conduct.RungVerdict{}, nil
		}
	}
}
