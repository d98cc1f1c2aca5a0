package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Trial trains, evaluates and publishes one point of the search, and reports it
// to its sweep. With early_terminate it is judged at rungs on its way, and waits
// there for the sweep's verdict, without a slot. A trial that failed or was cancelled has reported so before its
// workflow ends as such.
func Trial(ctx workflow.Context, in TrialInput) (TrialResult, error) {
	return newTrial(ctx, in).run(ctx)
}

// trial is one execution of Trial.
type trial struct {
	spec     *sweep.Spec
	result   sweep.Trial        // as far as it is known
	rungs    []int              // steps at which it will still be judged before its end
	trained  bool               // as far as it is to be for now
	attempts int                // made so far, to train and to evaluate
	restarts int                // that count
	after    sweep.FailureClass // what ended the attempt before
	lastStep int                // that the attempt before reached
	shown    string             // state in the search attributes
	do       *activities.Activities
}

func newTrial(ctx workflow.Context, in TrialInput) *trial {
	t := &trial{spec: &in.Spec}
	if logicVersion(ctx) >= LogicRungs {
		t.rungs = stopping.TrialRungs(t.spec, in.Assignment)
	}
	t.result.Assignment = in.Assignment
	t.result.StartedAt = workflow.Now(ctx).UTC()
	t.show(ctx, "waiting for a training slot")
	return t
}

func (t *trial) run(ctx workflow.Context) (TrialResult, error) {
	t.work(ctx)
	// What follows happens to cancelled trials as well.
	lasts, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	t.result.FinishedAt = workflow.Now(ctx).UTC()
	t.publish(lasts)
	t.report(lasts)
	t.show(lasts, "")
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
			t.charge(failure.last)
		}
		if ctx.Err() != nil {
			t.result.Status = sweep.StatusCancelled
			return
		}
		if err == nil { // preempted after a checkpoint
			failure.Class, failure.Message = sweep.FailPreempted, "preempted"
		}
		retry, counts := again(failure.Class, t.restarts, t.spec.MaxRestarts, t.attempts)
		if !retry {
			t.result.Status = sweep.StatusFailed
			t.result.Error = &failure.Failure
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

// attempt takes the trial on, as far as all goes well; done when there is nothing
// left to do.
func (t *trial) attempt(ctx workflow.Context) (done bool, err error) {
	for {
		last := len(t.rungs) == 0
		if done, err := t.stage(ctx); last || !done || err != nil || t.result.Status != "" {
			return done, err
		}
		goesOn, err := t.hear(ctx)
		if !goesOn || err != nil {
			return true, err
		}
		t.rungs, t.trained = t.rungs[1:], false
	}
}

// stage trains and evaluates to the next rung, or to the end.
func (t *trial) stage(ctx workflow.Context) (done bool, err error) {
	if !t.trained {
		t.attempts++
		switch status, err := t.train(ctx); {
		case err != nil:
			return false, err
		case status == activities.OutcomePreempted:
			return false, nil
		case status == activities.OutcomeDiverged: // there is nothing to evaluate
			return true, nil
		}
		t.trained = true
	}
	t.attempts++
	return true, t.evaluate(ctx)
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
	var trained activities.TrainResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, trainTimeout, what), t.do.Train, activities.TrainInput{
		Task: sweep.Task{Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts}, After: t.after, Until: t.rung(),
	}).Get(ctx, &trained)
	if err != nil {
		return "", err
	}
	t.charge(activities.Heartbeat{Stage: activities.StageTrain, Checkpoint: trained.Checkpoint, Seconds: trained.Seconds})
	if trained.Status == activities.OutcomePreempted {
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
	err := workflow.ExecuteActivity(slot(ctx, t.spec, evaluateTimeout, what), t.do.Evaluate, activities.EvaluateInput{
		Task: sweep.Task{Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts}, After: t.after,
		Checkpoint: activities.CheckpointRef{Key: t.result.Checkpoint, Step: t.result.Steps}, Rung: t.rung() > 0,
	}).Get(ctx, &judged)
	if err != nil {
		return err
	}
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

// hear reports the last rung to the sweep and waits for its verdict, asking again
// now and then: the sweep may have been reset to before it heard. A trial whose
// sweep is gone ends; its checkpoint is kept.
func (t *trial) hear(ctx workflow.Context) (goesOn bool, err error) {
	rung := &t.result.Rungs[len(t.result.Rungs)-1]
	t.show(ctx, fmt.Sprintf("waiting for the verdict at step %d", rung.Step))
	verdicts := workflow.GetSignalChannel(ctx, SignalVerdict)
	report := RungReport{Trial: t.result.Number, Step: rung.Step, Metrics: t.spec.Objectives(rung.Metrics)}
	for wait := askAgain; ; wait = min(2*wait, askAgainMax) {
		id := SweepID(t.spec.Name)
		if err := workflow.SignalExternalWorkflow(ctx, id, "", SignalRung, report).Get(ctx, nil); err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Warn("no sweep hears of this trial's rung", "sweep", id, "error", err)
			t.result.Status, rung.Reason = sweep.StatusCancelled, "there was no sweep any more to judge it"
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

// await waits for the verdict at a step, for some time; it is empty when there was
// none. Verdicts on other steps come when a trial has asked twice.
func (t *trial) await(ctx workflow.Context, verdicts workflow.ReceiveChannel, step int, wait time.Duration) (RungVerdict, error) {
	waiting, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimerWithOptions(waiting, wait, workflow.TimerOptions{Summary: "ask for the verdict again"})
	for {
		var v RungVerdict
		selector := workflow.NewSelector(ctx).
			AddReceive(verdicts, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &v) }).
			AddFuture(timer, func(workflow.Future) {})
		if selector.Select(ctx); ctx.Err() != nil {
			return RungVerdict{}, ctx.Err()
		}
		switch {
		case v.Step == step:
			return v, nil
		case timer.IsReady():
			return RungVerdict{}, nil
		}
	}
}

// charge accounts for an attempt, however it ended.
func (t *trial) charge(h activities.Heartbeat) {
	switch h.Stage {
	case activities.StageTrain:
		t.result.TrainTime += h.Seconds
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

// rest waits before the next attempt, unless the one before made way: a
// cancelled wait ends at once, and the attempt after it as cancelled.
func (t *trial) rest(ctx workflow.Context, failure sweep.Failure) {
	moved := t.result.Steps > t.lastStep
	t.lastStep = t.result.Steps
	wait := rest(failure.Class, t.restarts)
	if wait == 0 || failure.Class == sweep.FailPreempted && moved {
		return
	}
	why := fmt.Sprintf("before attempt %d, after %s: %s", t.result.Attempts+1, failure.Class, firstLine(failure.Message))
	t.show(ctx, "waiting "+wait.String()+" "+why)
	timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: clip(why)})
	if err := timer.Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("the wait was cancelled", "error", err)
	}
}

// publish records the result. What cannot be recorded did not happen: the trial
// is reported as failed, then.
func (t *trial) publish(ctx workflow.Context) {
	t.show(ctx, "publish")
	ctx = lasting(ctx, "publish "+label(t.result.Assignment))
	var published activities.PublishResult
	err := workflow.ExecuteActivity(ctx, t.do.Publish, activities.PublishInput{Sweep: t.spec.Name, Trial: t.result}).Get(ctx, &published)
	if err != nil {
		failure := failureOf(err).Failure
		failure.Message = "publish: " + failure.Message
		t.result.Status, t.result.Error, t.result.Metrics = sweep.StatusFailed, &failure, nil
		return
	}
	t.result = published.Trial
}

// report tells the sweep, whichever of its runs is the current one. A sweep that
// has ended hears nothing; the result is in the archive.
func (t *trial) report(ctx workflow.Context) {
	id := SweepID(t.spec.Name)
	err := workflow.SignalExternalWorkflow(ctx, id, "", SignalResult, TrialResult{Trial: t.result}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("no sweep hears of this trial", "sweep", id, "error", err)
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
