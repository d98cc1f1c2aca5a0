package workflows

import (
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// taskFailed is the event of an action that was not carried out.
func taskFailed(id int, err error) conduct.Failed {
	return conduct.Failed{ID: id, BlockCause: causeOf(err)}
}

// causeOf says why an activity failed.
func causeOf(err error) conduct.BlockCause {
	f := failureOf(err)
	t := conduct.BlockCause{Reason: block.Other, Message: f.Message, Permanent: f.permanent}
	if f.blocked != "" {
		t.Reason = f.blocked
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		t.Message = "no answer in time: " + timeoutName(timeout.TimeoutType())
	}
	return t
}

// attemptFailure is a failed attempt at an activity.
type attemptFailure struct {
	sweep.Failure
	corrupt   bool         // the checkpoint to evaluate fails verification
	blocked   block.Reason // the store refuses requests
	permanent bool         // the next attempt fails the same way
	last      activities.Heartbeat
}

// failureOf reads the error of an activity. An attempt without a heartbeat has a zero
// one.
func failureOf(err error) attemptFailure {
	var f attemptFailure
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var panicked *temporal.PanicError
	switch {
	case errors.As(err, &timeout):
		f.Class = sweep.FailLost
		if timeout.HasLastHeartbeatDetails() {
			f.read(timeout.LastHeartbeatDetails(&f.last))
		}
		f.Message = fmt.Sprintf("no answer from the worker since step %d (%s)", f.last.Progress.Step, timeoutName(timeout.TimeoutType()))
	case errors.As(err, &cancelled):
		f.Class, f.Message = sweep.FailPreempted, "the attempt was cancelled"
		if cancelled.HasDetails() {
			f.read(cancelled.Details(&f.last))
		}
	case errors.As(err, &panicked):
		f.Class, f.Message = sweep.FailBug, "panic in the worker: "+panicked.Error()
	case errors.As(err, &application):
		f.classify(application.Type())
		f.Message = application.Message()
		if application.HasDetails() {
			f.read(application.Details(&f.last))
		}
	default:
		f.Class, f.Message = sweep.FailBug, err.Error()
	}
	var attempt *temporal.ActivityError
	if f.Class == sweep.FailEnvironment && errors.As(err, &attempt) && attempt.Identity() != "" {
		f.Message = fmt.Sprintf("worker %s: %s", attempt.Identity(), f.Message)
	}
	f.permanent = !f.Class.Policy().Retried
	return f
}

// read drops the heartbeat if its details could not be decoded: a worker of a different
// version has written them.
func (f *attemptFailure) read(err error) {
	if err != nil {
		f.last = activities.Heartbeat{}
	}
}

// classify sets what the type of an application error says.
func (f *attemptFailure) classify(errorType string) {
	switch class, reason := sweep.FailureClass(errorType), block.Reason(errorType); {
	case class.Known():
		f.Class = class
	case slices.Contains(block.Reasons(), reason):
		f.Class, f.blocked = sweep.FailTransient, reason
	case errorType == activities.TypeCorrupt:
		f.Class, f.corrupt = sweep.FailTransient, true
	default:
		f.Class = sweep.FailBug
	}
}

func timeoutName(t enumspb.TimeoutType) string {
	switch t {
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return "no heartbeat"
	case enumspb.TIMEOUT_TYPE_START_TO_CLOSE:
		return "attempt took too long"
	default:
		return t.String()
	}
}
