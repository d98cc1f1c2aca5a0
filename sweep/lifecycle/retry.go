package lifecycle

import (
	"cmp"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func (e Failed) apply(t *Trial) {
	switch done := t.doing; {
	case t.completes(doingPublish):
		t.publishFailed(e)
		return
	case !t.completes(doingTrain, doingEvaluate):
		return
	case e.Attempt == nil:
	case done == doingTrain:
		t.addTraining(*e.Attempt)
	default:
		t.addEvaluation(*e.Attempt)
	}
	t.shown = cmp.Or(e.Shown, t.shown)
	t.attemptFailed(e)
}

// attemptFailed decides what follows a failed attempt: another one, or the end.
func (t *Trial) attemptFailed(f Failed) {
	if t.cancelled {
		t.finish(sweep.StatusCancelled)
		return
	}
	if f.Blocked != "" {
		t.blocked++
		t.attempts--
		t.reportBlock(&conduct.BlockCause{Reason: f.Blocked, Message: f.Message})
	}
	retry, counts := t.retry(f)
	if !retry {
		t.fail(f.Failure)
		return
	}
	if f.Class == sweep.FailEnvironment {
		t.reportBlock(&conduct.BlockCause{Reason: block.Environment, Message: f.Message})
	}
	if f.Corrupt {
		t.trained = false
	}
	if counts {
		t.restarts++
	}
	t.after = f.Class
	t.wait(f.Failure)
}

// retry reports whether another attempt follows a failed one, and whether that counts
// toward max_restarts.
func (t *Trial) retry(f Failed) (retry, counts bool) {
	p := f.Class.Policy()
	moved := t.Result.Steps > t.lastStep
	if moved {
		t.fruitless = 0
	}
	switch {
	case t.attempts >= MaxAttempts || t.blocked >= MaxBlocked:
		return false, true
	case f.Blocked != "":
		return true, false
	case p.InARow == 0:
		t.fruitless = 0
	case !moved:
		t.fruitless++
	}
	return p.Retried && (!p.Counts || t.restarts < t.spec.MaxRestarts) && !t.givesUp(f.Class), p.Counts
}

// givesUp reports whether too many attempts in a row were lost or preempted without a step
// forward.
func (t *Trial) givesUp(class sweep.FailureClass) bool {
	p := class.Policy()
	return p.InARow > 0 && t.fruitless >= t.spec.MaxRestarts+p.InARow
}

// fail ends a trial whose last attempt failed with f.
func (t *Trial) fail(f sweep.Failure) {
	if t.givesUp(f.Class) {
		f.Message = fmt.Sprintf("given up: %d attempts in a row were lost or preempted before the next step; the last one: %s", t.fruitless, f.Message)
	}
	t.Result.Error = &f
	t.finish(sweep.StatusFailed)
}

// wait waits before the next attempt or try, as the policy of the failure says.
func (t *Trial) wait(f sweep.Failure) {
	if t.Result.Steps > t.lastStep {
		t.idle = 0
	}
	t.lastStep = t.Result.Steps
	wait := f.Class.Policy().After(t.idle)
	t.idle++
	if wait == 0 {
		t.again()
		return
	}
	t.begin(doingWait, Wait{For: wait, Failure: f})
}

func (Waited) apply(t *Trial) {
	if t.completes(doingWait) {
		t.again()
	}
}

// again makes the next attempt, or the next try to publish.
func (t *Trial) again() {
	if t.publishing {
		t.publish()
		return
	}
	t.advance()
}

// reportBlock reports that the trial is blocked or, without a cause, that it no longer is
// if it was.
func (t *Trial) reportBlock(cause *conduct.BlockCause) {
	if cause == nil && t.shown == "" {
		return
	}
	t.shown = ""
	if cause != nil {
		t.shown = cause.Reason
	}
	t.act(ReportBlock{cause})
}
