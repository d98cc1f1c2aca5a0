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
// forward, after one of a class that so many preceded. moved says whether it made a step.
func Fruitless(class sweep.FailureClass, before int, moved bool) int {
	if moved || class != sweep.FailLost && class != sweep.FailPreempted {
		return 0
	}
	return before + 1
}

// Retry reports whether another attempt follows one that failed, after so many restarts
// and fruitless attempts, and whether it counts toward max_restarts.
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
