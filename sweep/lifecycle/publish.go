package lifecycle

import (
	"fmt"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// finish gives a trial its status, and publishes it, also if it was cancelled.
func (t *Trial) finish(status sweep.Status) {
	t.Result.Status, t.Result.FinishedAt = status, t.now
	t.Result = conduct.Bounded(t.Result)
	t.publishing, t.idle = true, 0
	if t.cancelled {
		t.giveUpLater()
	}
	t.publish()
}

func (t *Trial) giveUpLater() { t.act(GiveUpIn{PublishGrace}) }

func (GivenUp) apply(t *Trial) { t.gaveUp = true }

func (t *Trial) publish() { t.begin(doingPublish, Publish{Blocked: t.blocked > 0}) }

func (e Published) apply(t *Trial) {
	if t.completes(doingPublish) {
		t.Result = e.Trial
		t.publishing = false
		t.act(End{Report: !e.Reported})
	}
}

// publishFailed tries again while the store is unreachable, for only PublishGrace if the
// trial was cancelled. A result that cannot be recorded does not count: the trial is then
// reported as failed.
func (t *Trial) publishFailed(f Failed) {
	permanent := !f.Class.Policy().Retried
	if !t.gaveUp && !permanent {
		if t.blocked++; t.blocked < MaxBlocked {
			cause := conduct.BlockCause{Reason: block.Other, Message: f.Message}
			if f.Blocked != "" {
				cause.Reason = f.Blocked
			}
			t.reportBlock(&cause)
			t.wait(f.Failure)
			return
		}
	}
	t.Result.Metrics, t.Result.Status = nil, sweep.StatusFailed
	t.Result.Error = &sweep.Failure{Class: f.Class}
	switch {
	case t.gaveUp:
		t.Result.Status, t.Result.Error.Message = sweep.StatusCancelled, fmt.Sprintf("publish: given up %v after the trial was cancelled", PublishGrace)
	case permanent:
		t.Result.Error.Message = "publish: " + f.Message
	default:
		t.Result.Error.Message = fmt.Sprintf("publish: given up after %d attempts that were blocked: %s", t.blocked, f.Message)
	}
	t.publishing = false
	t.act(End{Report: true})
}
