package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

// Trial trains, evaluates and publishes one point of the search, and reports it
// to its sweep. A trial that failed or was cancelled has reported so before its
// workflow ends as such.
func Trial(ctx workflow.Context, in TrialInput) (TrialResult, error) {
	return newTrial(ctx, in).run(ctx)
}

// trial is one execution of Trial.
type trial struct {
	spec     *sweep.Spec
	result   sweep.Trial // as far as it is known
	trained  bool
	attempts int                // made so far, to train and to evaluate
	restarts int                // that count
	after    sweep.FailureClass // what ended the attempt before
	lastStep int                // that the attempt before reached
	shown    string             // state in the search attributes
	do       *activities.Activities
}

func newTrial(ctx workflow.Context, in TrialInput) *trial {
	logicVersion(ctx)
	t := &trial{spec: &in.Spec}
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

// attempt takes the trial one stage on; done when there is no further one.
func (t *trial) attempt(ctx workflow.Context) (done bool, err error) {
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
	if t.result.Attempts > 1 {
		what = fmt.Sprintf("train %s, attempt %d after step %d (%s)", label(t.result.Assignment), t.result.Attempts, t.result.Steps, t.after)
	}
	t.show(ctx, what)
	var trained activities.TrainResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, trainTimeout, what), t.do.Train, activities.TrainInput{
		Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts, After: t.after,
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
	t.result.LossFirst, t.result.LossLast = trained.LossFirst, trained.LossLast
	t.result.Backend = trained.Backend
	if trained.Status == activities.OutcomeDiverged {
		t.result.Status = sweep.StatusDiverged
		t.result.Checkpoint = ""
	}
	return trained.Status, nil
}

func (t *trial) evaluate(ctx workflow.Context) error {
	what := fmt.Sprintf("evaluate %s", label(t.result.Assignment))
	t.show(ctx, what)
	var judged activities.EvaluateResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, evaluateTimeout, what), t.do.Evaluate, activities.EvaluateInput{
		Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts, After: t.after,
		Checkpoint: activities.CheckpointRef{Key: t.result.Checkpoint, Step: t.result.Steps},
	}).Get(ctx, &judged)
	if err != nil {
		return err
	}
	t.result.EvalTime += judged.Seconds
	t.result.Metrics, t.result.Guidance, t.result.Grid = judged.Metrics, judged.Guidance, judged.Grid
	t.result.Floor, t.result.Features = judged.Floor, judged.Features
	t.result.Status = sweep.StatusCompleted
	return nil
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
