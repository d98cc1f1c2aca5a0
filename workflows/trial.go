package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Trial trains, evaluates and publishes one configuration, and reports the result to
// its sweep. With early_terminate it is evaluated at rungs on its way, and waits there
// for the sweep's verdict, without a slot. A failed or cancelled trial reports its
// result first; then its workflow ends as failed or cancelled.
func Trial(ctx workflow.Context, in TrialInput) (activities.TrialResult, error) {
	return newTrial(ctx, in).run(ctx)
}

// trial is one execution of Trial.
type trial struct {
	in        TrialInput
	spec      *sweep.Spec
	result    sweep.Trial        // as far as it is known
	rungs     []int              // steps of the rungs ahead
	trained   bool               // whether training has reached the next rung or the end
	began     *time.Time         // when its training first started
	attempts  int                // attempts to train and to evaluate, without the blocked ones
	blocked   int                // blocked attempts, and failed tries to publish
	restarts  int                // attempts that count toward max_restarts
	idle      int                // consecutive failed attempts without progress
	fruitless int                // consecutive attempts that were lost or preempted without a step forward
	after     sweep.FailureClass // what ended the attempt before
	lastStep  int                // last step of the attempt before
	reported  bool               // the sweep knows that the trial is blocked
	shown     string             // state in the search attributes
	do        *activities.Activities
}

func newTrial(ctx workflow.Context, in TrialInput) *trial {
	checkSpec(&in.Spec, in.Digest)
	t := &trial{shown: string(conduct.PhaseRunning), in: in, spec: &in.Spec, rungs: stopping.TrialRungs(&in.Spec, in.Assignment)}
	t.result.Assignment = in.Assignment
	t.result.StartedAt = workflow.Now(ctx).UTC()
	t.show(ctx, "waiting for a training slot")
	return t
}

func (t *trial) run(ctx workflow.Context) (activities.TrialResult, error) {
	t.work(ctx)
	// What follows happens to cancelled trials as well.
	last, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	t.result.FinishedAt = workflow.Now(ctx).UTC()
	if !t.publish(ctx, last) {
		t.report(last)
	}
	t.show(last, "")
	return activities.TrialResult{Trial: t.result}, t.ending()
}

// attempt advances the trial until its end or an error. done is true when nothing is
// left to do.
func (t *trial) attempt(ctx workflow.Context) (done bool, err error) {
	for {
		last := len(t.rungs) == 0
		if done, err := t.stage(ctx); last || !done || err != nil || t.result.Status != "" {
			return done, err
		}
		continues, err := t.askVerdict(ctx)
		if !continues || err != nil {
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

// stopAtLimit ends a trial that has used up max_trial_time. Its last checkpoint is kept.
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
		what = fmt.Sprintf("continue training %s at step %d", label(t.result.Assignment), t.result.Steps)
	}
	t.show(ctx, what)
	left, _ := t.timeLeft(ctx)
	wait := time.Duration(0) // for a slot
	if t.began != nil {
		wait = left
	}
	var trained activities.TrainResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, wait, trainTimeout, what), t.do.Train, activities.TrainInput{
		Task: t.task(), After: t.after, Until: t.rung(),
		Left: left, Waited: t.began != nil, Unblock: t.unblock(),
	}).Get(ctx, &trained)
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START { // no slot was free for what is left of max_trial_time
		t.stopAtLimit()
		return activities.OutcomeTimeUp, nil
	}
	if err != nil {
		return "", err
	}
	t.reportBlocked(ctx, nil)
	t.addBuild(trained.Build)
	t.recordAttempt(ctx, activities.Heartbeat{Stage: activities.StageTrain, Checkpoint: trained.Checkpoint, Seconds: trained.Seconds})
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

// task is what the trial's activities work on.
func (t *trial) task() sweep.Task {
	return sweep.Task{Spec: *t.spec, Assignment: t.result.Assignment, Attempt: t.result.Attempts, Digest: t.in.Digest, Owner: t.in.Owner}
}

// addBuild adds the build of a worker that took part to the result.
func (t *trial) addBuild(build string) {
	if at, known := slices.BinarySearch(t.result.Builds, build); build != "" && !known {
		t.result.Builds = slices.Insert(t.result.Builds, at, build)
	}
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
	var evaluated activities.EvaluateResult
	err := workflow.ExecuteActivity(slot(ctx, t.spec, 0, evaluateTimeout, what), t.do.Evaluate, activities.EvaluateInput{
		Task: t.task(), After: t.after,
		Checkpoint: activities.CheckpointRef{Key: t.result.Checkpoint, Step: t.result.Steps}, Rung: t.rung() > 0,
	}).Get(ctx, &evaluated)
	if err != nil {
		return err
	}
	t.reportBlocked(ctx, nil)
	t.addBuild(evaluated.Build)
	t.result.EvalTime += evaluated.Seconds
	t.result.Evaluation = evaluated.Evaluation
	if t.rung() > 0 { // its metrics are the rung's, not the trial's
		t.after = ""
		t.result.Metrics, t.result.Spread = nil, nil
		t.result.Rungs = append(t.result.Rungs, t.result.AtStep(evaluated.Metrics))
		return nil
	}
	t.result.Gates = t.spec.Gates.Failures(evaluated.Metrics)
	t.result.Status = sweep.StatusCompleted
	return nil
}
