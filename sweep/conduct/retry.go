package conduct

import (
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// How a trial continues after failed attempts.
const (
	MaxAttempts      = 100              // of a trial, to train and to evaluate, preempted ones included, so that its history stays bounded
	HeartbeatTimeout = 30 * time.Second // until an attempt whose worker is silent counts as lost
)

// Fruitless returns how many attempts in a row were lost or preempted without a step
// forward: before is their number without the last attempt, which failed with this class;
// moved is true if the last attempt made a step.
func Fruitless(class sweep.FailureClass, before int, moved bool) int {
	if moved || class.Policy().InARow == 0 {
		return 0
	}
	return before + 1
}

// Retry reports whether a failed attempt is followed by another, given the restarts and
// fruitless attempts so far, and whether that one counts toward max_restarts.
func Retry(spec *sweep.Spec, class sweep.FailureClass, restarts, fruitless int) (retry, counts bool) {
	p := class.Policy()
	retry = p.Retried && (!p.Counts || restarts < spec.MaxRestarts) && !givesUp(spec, p, fruitless)
	return retry, p.Counts
}

func givesUp(spec *sweep.Spec, p sweep.Policy, fruitless int) bool {
	return p.InARow > 0 && fruitless >= spec.MaxRestarts+p.InARow
}

// Final is the failure of a trial whose last attempt failed with f.
func Final(spec *sweep.Spec, f sweep.Failure, fruitless int) sweep.Failure {
	if givesUp(spec, f.Class.Policy(), fruitless) {
		f.Message = fmt.Sprintf("given up: %d attempts in a row were lost or preempted before the next step; the last one: %s", fruitless, f.Message)
	}
	return f
}

// waitAfter returns how long the sweep waits after a failed try of its own, given the
// number of failures before it.
func waitAfter(failures int) time.Duration { return sweep.FailTransient.Policy().After(failures) }
