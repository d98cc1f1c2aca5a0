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

// fruitlessLimit is how many attempts of a trial beyond max_restarts may be lost or
// preempted in a row without a step forward: what ends them ends the next one too.
const fruitlessLimit = 10

// Fruitless returns how many attempts in a row were lost or preempted without a step
// forward, after an attempt that failed with this class and that before others preceded.
// moved is true if it made a step.
func Fruitless(class sweep.FailureClass, before int, moved bool) int {
	if moved || class != sweep.FailLost && class != sweep.FailPreempted {
		return 0
	}
	return before + 1
}

// Retry reports whether a failed attempt is followed by another, given the restarts and
// fruitless attempts so far, and whether that one counts toward max_restarts.
func Retry(spec *sweep.Spec, class sweep.FailureClass, restarts, fruitless int) (retry, counts bool) {
	if class == sweep.FailPreempted {
		return !givesUp(spec, fruitless), false
	}
	return class.Retried() && restarts < spec.MaxRestarts && !givesUp(spec, fruitless), true
}

func givesUp(spec *sweep.Spec, fruitless int) bool {
	return fruitless >= spec.MaxRestarts+fruitlessLimit
}

// Final is the failure of a trial whose last attempt failed with f.
func Final(spec *sweep.Spec, f sweep.Failure, fruitless int) sweep.Failure {
	if givesUp(spec, fruitless) {
		f.Message = fmt.Sprintf("given up: %d attempts in a row were lost or preempted before the next step; the last one: %s", fruitless, f.Message)
	}
	return f
}

// RetryWait returns how long a trial waits after a failed attempt. idle is how many
// consecutive attempts before this one made no progress; moved is true if this one did.
// A lost worker adds no wait, since its heartbeat timeout has passed already.
func RetryWait(class sweep.FailureClass, idle int, moved bool) time.Duration {
	if class == sweep.FailLost || class == sweep.FailPreempted && moved {
		return 0
	}
	return waitAfter(idle)
}

// waitAfter returns how long to wait after a failed try, given the number of failures
// before it.
func waitAfter(failures int) time.Duration {
	wait := RetryWaitBase
	for range failures {
		wait = min(2*wait, RetryWaitMax)
	}
	return wait
}
