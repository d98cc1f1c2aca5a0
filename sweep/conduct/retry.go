package conduct

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// How a trial continues after failed attempts.
const (
	MaxAttempts      = 100              // of a trial, to train and to evaluate, preempted ones included, so that its history stays bounded
	HeartbeatTimeout = 30 * time.Second // until an attempt whose worker is silent counts as lost
)

// Retry reports whether another attempt follows one that failed, after so many
// restarts, and whether it counts toward max_restarts.
func Retry(spec *sweep.Spec, class sweep.FailureClass, restarts int) (retry, counts bool) {
	if class == sweep.FailPreempted {
		return true, false
	}
	return class.Retried() && restarts < spec.MaxRestarts, true
}

// Rest returns how long a trial waits after a failed attempt. idle is the number of
// attempts before it in a row that made no progress; moved says whether this one made
// a step. The heartbeat timeout of a lost worker has passed already.
func Rest(class sweep.FailureClass, idle int, moved bool) time.Duration {
	if class == sweep.FailLost || class == sweep.FailPreempted && moved {
		return 0
	}
	return restAfter(idle)
}

// restAfter returns the wait after a failed try that so many others preceded.
func restAfter(failures int) time.Duration {
	wait := RestBase
	for range failures {
		wait = min(2*wait, RestMax)
	}
	return wait
}
