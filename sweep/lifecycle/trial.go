package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Trial is the state machine of one trial.
type Trial struct {
	Result sweep.Trial // as far as it is known

	spec *sweep.Spec
	now  time.Time
	out  []Action

	doing     doing            // the action in flight
	rungs     []int            // steps of the rungs ahead
	trained   bool             // whether training has reached the next rung or the end
	reported  sweep.Evaluation // of the program of the user, there
	began     time.Time        // when its training first started; zero before
	cancelled bool

	attempts  int                // attempts to train and to evaluate, without the blocked ones
	blocked   int                // blocked attempts, and failed tries to publish
	restarts  int                // attempts that count toward max_restarts
	idle      int                // consecutive failed attempts without progress
	fruitless int                // consecutive attempts that were lost or preempted without a step forward
	after     sweep.FailureClass // what ended the attempt before
	lastStep  int                // last step of the attempt before
	shown     block.Reason       // why the sweep shows the trial as blocked, "" if it does not
	ask       time.Duration      // the wait of the last Ask

	publishing bool // Publish, or a Wait between its tries, is in flight
	gaveUp     bool // a cancelled trial is no longer published
}

// doing is an action in flight.
type doing string

const (
	doingTrain    doing = "train"
	doingEvaluate doing = "evaluate"
	doingAsk      doing = "ask"
	doingWait     doing = "wait"
	doingPublish  doing = "publish"
)

// New returns a trial that has not begun.
func New(spec *sweep.Spec, a sweep.Assignment, now time.Time) *Trial {
	t := &Trial{spec: spec, rungs: stopping.TrialRungs(spec, a)}
	t.Result.Assignment, t.Result.StartedAt = a, now
	return t
}

// Step takes an event, and returns the actions to carry out, in order. An event that
// completes another action than the one in flight changes nothing.
func (t *Trial) Step(now time.Time, e Event) []Action {
	t.now, t.out = now, nil
	e.apply(t)
	return t.out
}

func (t *Trial) act(a Action) { t.out = append(t.out, a) }

// begin issues the action that is in flight from now on.
func (t *Trial) begin(d doing, a Action) {
	t.doing = d
	t.act(a)
}

// completes reports whether an event completes the action in flight, which then is none.
func (t *Trial) completes(kinds ...doing) bool {
	if !slices.Contains(kinds, t.doing) {
		return false
	}
	t.doing = ""
	return true
}

func (Begun) apply(t *Trial) {
	if t.doing == "" && t.Result.Status == "" {
		t.advance()
	}
}

func (Cancelled) apply(t *Trial) {
	if t.cancelled {
		return
	}
	t.cancelled = true
	if t.publishing {
		t.giveUpLater()
	}
}

// advance issues the next attempt, unless the trial was cancelled.
func (t *Trial) advance() {
	switch {
	case t.cancelled:
		t.finish(sweep.StatusCancelled)
	case t.trained:
		t.attempts++
		t.begin(doingEvaluate, Evaluate{Rung: t.rung(), After: t.after, Shown: t.shown})
	default:
		next := Train{Until: t.rung(), After: t.after, Limit: time.Duration(t.spec.MaxTrialTime), Shown: t.shown}
		if next.Limit > 0 && !t.began.IsZero() {
			next.Limit, next.Deadline = 0, t.began.Add(next.Limit)
			if !t.now.Before(next.Deadline) {
				t.stopAtLimit()
				return
			}
		}
		t.attempts++
		t.Result.Attempts++
		t.begin(doingTrain, next)
	}
}

// rung is the step of the next rung, 0 when the end is next.
func (t *Trial) rung() int {
	if len(t.rungs) == 0 {
		return 0
	}
	return t.rungs[0]
}

// stopAtLimit ends a trial that has used up max_trial_time. Its last checkpoint is kept.
func (t *Trial) stopAtLimit() {
	t.Result.Limit = fmt.Sprintf("max_trial_time of %v reached at step %d", t.spec.MaxTrialTime, t.Result.Steps)
	t.finish(sweep.StatusStopped)
}

func (NoSlot) apply(t *Trial) {
	if t.completes(doingTrain) {
		t.stopAtLimit()
	}
}

func (e Trained) apply(t *Trial) {
	if !t.completes(doingTrain) {
		return
	}
	t.shown = cmp.Or(e.Shown, t.shown)
	t.reportBlock(nil)
	t.addTraining(e.Attempt)
	switch e.Outcome {
	case sweep.OutcomePreempted: // after a checkpoint
		t.attemptFailed(Failed{Failure: sweep.Failure{Class: sweep.FailPreempted, Message: "preempted"}})
		return
	case sweep.OutcomeTimeUp:
		t.stopAtLimit()
		return
	}
	t.after = ""
	t.Result.Steps, t.Result.Losses = e.Step, e.Losses
	if e.Outcome == sweep.OutcomeDiverged { // there is nothing to evaluate
		t.Result.Checkpoint = ""
		t.finish(sweep.StatusDiverged)
		return
	}
	t.trained, t.reported = true, sweep.Evaluation{}
	if e.Evaluation != nil {
		t.reported = *e.Evaluation
	}
	if !t.spec.Evaluates() {
		t.evaluated(t.reported)
		return
	}
	t.advance()
}

func (e Evaluated) apply(t *Trial) {
	if !t.completes(doingEvaluate) {
		return
	}
	t.shown = cmp.Or(e.Shown, t.shown)
	t.reportBlock(nil)
	t.addEvaluation(e.Attempt)
	t.evaluated(e.Evaluation.With(t.reported))
}

// evaluated records the evaluation at a rung, or at the end.
func (t *Trial) evaluated(e sweep.Evaluation) {
	t.Result.Evaluation = e
	if len(t.rungs) == 0 {
		t.Result.Gates = t.spec.Gates.Failures(e.Metrics)
		t.finish(sweep.StatusCompleted)
		return
	}
	t.after = ""
	t.Result.Metrics, t.Result.StandardError = nil, nil // they are the rung's, not the trial's
	t.Result.Rungs = append(t.Result.Rungs, t.Result.AtStep(e.Metrics))
	t.askVerdict(AskAgain)
}

// addTraining adds an attempt at training to the result.
func (t *Trial) addTraining(a Attempt) {
	t.Result.TrainTime += a.Seconds
	if t.began.IsZero() {
		t.began = t.now.Add(-conduct.Seconds(a.Seconds))
	}
	t.addAttempt(a)
}

// addEvaluation adds an attempt at an evaluation to the result.
func (t *Trial) addEvaluation(a Attempt) {
	t.Result.EvalTime += a.Seconds
	t.addAttempt(a)
}

func (t *Trial) addAttempt(a Attempt) {
	if a.Step > 0 || a.Checkpoint != "" {
		t.Result.Checkpoint, t.Result.Steps = a.Checkpoint, a.Step
	}
	if a.Backend != "" {
		t.Result.Backend = a.Backend
	}
	if at, known := slices.BinarySearch(t.Result.Builds, a.Build); a.Build != "" && !known {
		t.Result.Builds = slices.Insert(t.Result.Builds, at, a.Build)
	}
}

// askVerdict asks the sweep whether the trial continues after its last rung.
func (t *Trial) askVerdict(wait time.Duration) {
	if t.cancelled {
		t.finish(sweep.StatusCancelled)
		return
	}
	rung := t.lastRung()
	t.ask = wait
	t.begin(doingAsk, Ask{Wait: wait, Report: conduct.RungReport{
		Trial: t.Result.Number, Step: rung.Step, Metrics: t.spec.Objectives(rung.Metrics),
	}})
}

func (t *Trial) lastRung() *sweep.Rung { return &t.Result.Rungs[len(t.Result.Rungs)-1] }

func (e Verdict) apply(t *Trial) {
	if t.doing != doingAsk || e.Step != t.lastRung().Step {
		return
	}
	t.doing = ""
	t.lastRung().Reason = e.Reason
	if e.Decision == stopping.Stop {
		t.finish(sweep.StatusStopped)
		return
	}
	t.rungs, t.trained = t.rungs[1:], false
	t.advance()
}

func (Unanswered) apply(t *Trial) {
	if t.completes(doingAsk) {
		t.askVerdict(min(2*t.ask, AskAgainMax))
	}
}

// A trial whose sweep has ended ends, too; its checkpoint is kept.
func (SweepGone) apply(t *Trial) {
	if t.completes(doingAsk) {
		t.lastRung().Reason = "its sweep has ended, so there is no verdict"
		t.finish(sweep.StatusCancelled)
	}
}
