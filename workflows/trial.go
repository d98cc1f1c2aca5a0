package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Trial trains, evaluates and publishes one configuration, and reports the result to
// its sweep. With early_terminate it is evaluated at rungs on its way, and waits there
// for the sweep's verdict, without a slot. A trial that failed or was cancelled has
// reported so before its workflow ends as failed or cancelled.
func Trial(ctx workflow.Context, in TrialInput) (TrialResult, error) {
	return newTrial(ctx, in).run(ctx)
}

// trial is one execution of Trial.
type trial struct {
	spec     *sweep.Spec
	result   sweep.Trial        // as far as it is known
	rungs    []int              // steps of the rungs ahead
	trained  bool               // to the next rung, or to the end
	began    *time.Time         // when its training first started
	attempts int                // made so far, to train and to evaluate
	blocked  int                // of these, failed because the store refuses requests
	restarts int                // that count toward max_restarts
	idle     int                // attempts in a row that failed, since the last step forward
	after    sweep.FailureClass // what ended the attempt before
	lastStep int                // that the attempt before reached
	troubled bool               // the sweep knows that the trial is blocked
	shown    string             // state in the search attributes
	do       *activities.Activities
}

func newTrial(ctx workflow.Context, in TrialInput) *trial {
	logicVersion(ctx) // there is one; a second one branches on it
	t := &trial{spec: &in.Spec, rungs: stopping.TrialRungs(&in.Spec, in.Assignment)}
	t.result.Assignment = in.Assignment
	t.result.StartedAt = workflow.Now(ctx).UTC()
	t.show(ctx, "waiting for a training slot")
	return t
}

func (t *trial) run(ctx workflow.Context) (TrialResult, error) {
	t.work(ctx)
	// What follows happens to cancelled trials as well.
	last, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	t.result.FinishedAt = workflow.Now(ctx).UTC()
	t.publish(ctx, last)
	t.report(last)
	t.show(last, "")
	return TrialResult{Trial: t.result}, t.ending()
}

// work trains and evaluates, again and again as the failures' classes allow, and
// leaves the outcome in result.
func (t *trial) work(ctx workflow.Context) {
	for {
		done, err := t.attempt(ctx)
		if err == nil && done {
			return
		}
		var failure attemptFailure
		if err != nil {
			failure = failureOf(err)
			t.charge(ctx, failure.last)
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
			t.reportTrouble(ctx, &conduct.Trouble{Reason: failure.blocked, Message: failure.Message})
		}
		retry, counts := t.again(failure)
		if !retry {
			t.fail(failure.Failure)
			return
		}
		if failure.corrupt {
			t.trained = false
		}
		t.rest(ctx, failure.Failure)
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

// again says whether an attempt that failed is followed by another, and whether it
// counts as one of the trial's max_restarts.
func (t *trial) again(f attemptFailure) (retry, counts bool) {
	if t.attempts-t.blocked >= maxAttempts || t.blocked >= maxBlocked {
		return false, true
	}
	switch {
	case f.blocked != "":
		return true, false
	case f.Class == sweep.FailPreempted:
		return true, false
	case f.Class == sweep.FailLost, f.Class == sweep.FailTransient:
		return t.restarts < t.spec.MaxRestarts, true
	default:
		return false, true
	}
}

// attempt takes the trial on, as far as all goes well; done when there is nothing
// left to do.
func (t *trial) attempt(ctx workflow.Context) (done bool, err error) {
	for {
		last := len(t.rungs) == 0
		if done, err := t.stage(ctx); last || !done || err != nil || t.result.Status != "" {
			return done, err
		}
		goesOn, err := t.askVerdict(ctx)
		if !goesOn || err != nil {
			return true, err
		}
		t.rungs, t.trained = t.rungs[1:], false
	}
}

// stage trains and evaluates to the next rung, or to the end.
func (t *trial) stage(ctx workflow.Context) (done bool, err error) {
	if !t.trained {
		if left, limited := t.timeLeft(ctx); limited && left <= 0 {
			t.stopAtLimit()
			return true, nil
		}
		t.attempts++
		switch status, err := t.train(ctx); {
		case err != nil:
			return false, err
		case status == activities.OutcomePreempted:
			return false, nil
		case status == activities.OutcomeDiverged, status == activities.OutcomeTimeUp: // there is nothing to evaluate
			return true, nil
		}
		t.trained = true
	}
	t.attempts++
	return true, t.evaluate(ctx)
}

// timeLeft is what remains of max_trial_time; limited is false without a limit.
func (t *trial) timeLeft(ctx workflow.Context) (left time.Duration, limited bool) {
	left = time.Duration(t.spec.MaxTrialTime)
	if left > 0 && t.began != nil {
		return left - workflow.Now(ctx).Sub(*t.began), true
	}
	return left, left > 0
}

// stopAtLimit ends a trial that max_trial_time allows no further training. Its last
// checkpoint is kept.
func (t *trial) stopAtLimit() {
	t.result.Status, t.result.Limit = sweep.StatusStopped, conduct.TimeLimit(t.spec, t.result.Steps)
}

// train makes one attempt at training.
func (t *trial) train(ctx workflow.Context) (activities.OutcomeStatus, error) {
	t.result.Attempts++
	what := fmt.Sprintf("train %s", label(t.result.Assignment))
	switch {
	case t.after != "":
		what = fmt.Sprintf("train %s, attempt %d after step %d (%s)", label(t.result.Assignment), t.result.Attempts, t.result.Steps, t.after)
	case t.result.Attempts > 1:
		what = fmt.Sprintf("train %s on from step %d", label(t.result.Assignment), t.result.Steps)
	}
	t.show(ctx, what)
	left, _ := t.timeLeft(ctx)
	wait := time.Duration(0) // for a slot
	if t.began != nil {
		wait = left
	}
	var trained activities.TrainResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, wait, trainTimeout, what), t.do.Train, activities.TrainInput{
		Task: sweep.Task{Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts}, After: t.after, Until: t.rung(),
		Left: left, Waited: t.began != nil,
	}).Get(ctx, &trained)
	if err != nil {
		return "", err
	}
	t.reportTrouble(ctx, nil)
	t.charge(ctx, activities.Heartbeat{Stage: activities.StageTrain, Checkpoint: trained.Checkpoint, Seconds: trained.Seconds})
	switch trained.Status {
	case activities.OutcomePreempted:
		return trained.Status, nil
	case activities.OutcomeTimeUp:
		t.stopAtLimit()
		return trained.Status, nil
	}
	t.after = ""
	t.result.Steps = trained.Step
	t.result.Losses = trained.Losses
	t.result.Backend = trained.Backend
	if trained.Status == activities.OutcomeDiverged {
		t.result.Status = sweep.StatusDiverged
		t.result.Checkpoint = ""
	}
	return trained.Status, nil
}

// rung is the step of the next rung, 0 when the end is next.
func (t *trial) rung() int {
	if len(t.rungs) == 0 {
		return 0
	}
	return t.rungs[0]
}

func (t *trial) evaluate(ctx workflow.Context) error {
	what := fmt.Sprintf("evaluate %s", label(t.result.Assignment))
	if t.rung() > 0 {
		what += fmt.Sprintf(" at step %d", t.rung())
	}
	t.show(ctx, what)
	var judged activities.EvaluateResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, 0, evaluateTimeout, what), t.do.Evaluate, activities.EvaluateInput{
		Task: sweep.Task{Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts}, After: t.after,
		Checkpoint: activities.CheckpointRef{Key: t.result.Checkpoint, Step: t.result.Steps}, Rung: t.rung() > 0,
	}).Get(ctx, &judged)
	if err != nil {
		return err
	}
	t.reportTrouble(ctx, nil)
	t.result.EvalTime += judged.Seconds
	t.result.Evaluation = judged.Evaluation
	if t.rung() > 0 { // its metrics are the rung's, not the trial's
		t.after = ""
		t.result.Metrics, t.result.Spread = nil, nil
		t.result.Rungs = append(t.result.Rungs, t.result.AtStep(judged.Metrics))
		return nil
	}
	t.result.Gates = t.spec.Gates.Failures(judged.Metrics)
	t.result.Status = sweep.StatusCompleted
	return nil
}

// askVerdict reports the last rung to the sweep and waits for its verdict. It asks
// again now and then: the sweep may have been reset to a time before it received the
// report. A trial whose sweep is gone ends; its checkpoint is kept.
func (t *trial) askVerdict(ctx workflow.Context) (goesOn bool, err error) {
	rung := &t.result.Rungs[len(t.result.Rungs)-1]
	t.show(ctx, fmt.Sprintf("waiting for the verdict at step %d", rung.Step))
	verdicts := workflow.GetSignalChannel(ctx, SignalVerdict)
	report := conduct.RungReport{Trial: t.result.Number, Step: rung.Step, Metrics: t.spec.Objectives(rung.Metrics)}
	for wait := askAgain; ; wait = min(2*wait, askAgainMax) {
		id := SweepID(t.spec.Name)
		if err := workflow.SignalExternalWorkflow(ctx, id, "", SignalRung, report).Get(ctx, nil); err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Warn("the sweep of a trial at a rung has ended", "sweep", id, "error", err)
			t.result.Status, rung.Reason = sweep.StatusCancelled, "there was no sweep any more to decide on it"
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

// await waits for the verdict at a step, for some time; it is empty when none came.
// A verdict on another step is the answer to an earlier question that was asked twice.
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

// charge accounts for an attempt, however it ended.
func (t *trial) charge(ctx workflow.Context, h activities.Heartbeat) {
	switch h.Stage {
	case activities.StageTrain:
		t.result.TrainTime += h.Seconds
		if t.began == nil {
			began := workflow.Now(ctx).Add(-seconds(h.Seconds))
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

// rest waits before the next attempt. The wait grows while attempts fail without a
// step forward. A lost worker was already waited for by its heartbeat timeout, and a
// preempted attempt that made a step needs no rest.
func (t *trial) rest(ctx workflow.Context, failure sweep.Failure) {
	moved := t.result.Steps > t.lastStep
	t.lastStep = t.result.Steps
	if moved {
		t.idle = 0
	}
	wait := restBase
	for range t.idle {
		wait = min(2*wait, restMax)
	}
	t.idle++
	if failure.Class == sweep.FailLost || failure.Class == sweep.FailPreempted && moved {
		return
	}
	why := fmt.Sprintf("before attempt %d, after %s: %s", t.result.Attempts+1, failure.Class, firstLine(failure.Message))
	t.show(ctx, "waiting "+wait.String()+" "+why)
	timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: clip(why)})
	if err := timer.Get(ctx, nil); err != nil { // the attempt that follows ends as cancelled
		workflow.GetLogger(ctx).Info("the wait was cancelled", "error", err)
	}
}

// publish records the result, on the context last. A result that cannot be recorded
// does not count: the trial is reported as failed then. Recording is tried for as long
// as the store is away, but only for a while once ctx is cancelled.
func (t *trial) publish(ctx, last workflow.Context) {
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
	for t.idle = 0; ; {
		published, err := t.publishOnce(publishing)
		if err == nil {
			t.result = published
			return
		}
		failure := failureOf(err)
		if gaveUp || failure.permanent {
			t.fail(sweep.Failure{Class: failure.Class, Message: "publish: " + failure.Message})
			t.result.Metrics = nil
			if gaveUp {
				t.result.Status, t.result.Error.Message = sweep.StatusCancelled, fmt.Sprintf("publish: given up %v after the trial was cancelled", leavePublish)
			}
			return
		}
		trouble := troubleOf(err)
		t.reportTrouble(last, &trouble)
		t.rest(publishing, failure.Failure)
	}
}

func (t *trial) publishOnce(ctx workflow.Context) (sweep.Trial, error) {
	var published activities.PublishResult
	err := workflow.ExecuteActivity(control(ctx, "publish "+label(t.result.Assignment)), t.do.Publish,
		activities.PublishInput{Sweep: t.spec.Name, Trial: t.result}).Get(ctx, &published)
	return published.Trial, err
}

// reportTrouble reports to the sweep that the trial is blocked, and with nil that it is not any
// more.
func (t *trial) reportTrouble(ctx workflow.Context, trouble *conduct.Trouble) {
	if trouble == nil && !t.troubled {
		return
	}
	t.troubled = trouble != nil
	err := workflow.SignalExternalWorkflow(ctx, SweepID(t.spec.Name), "", SignalTrouble,
		conduct.TrialTrouble{Trial: t.result.Number, Trouble: trouble}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Info("the sweep of a blocked trial has ended", "error", err)
	}
}

// report sends the result to the current run of the sweep. A sweep that has ended does
// not receive it; the result is in the archive.
func (t *trial) report(ctx workflow.Context) {
	id := SweepID(t.spec.Name)
	err := workflow.SignalExternalWorkflow(ctx, id, "", SignalResult, TrialResult{Trial: t.result}).Get(ctx, nil)
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

// seconds converts to a duration.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
