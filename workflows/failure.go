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
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

// taskFailed is the event of an action that was not carried out.
func taskFailed(id int, err error) conduct.Failed {
	return conduct.Failed{ID: id, BlockCause: causeOf(err)}
}

// causeOf says why an activity failed.
func causeOf(err error) conduct.BlockCause {
	f := failureOf(err)
	t := conduct.BlockCause{Reason: block.Other, Message: f.Message, Permanent: !f.Class.Policy().Retried}
	if f.Blocked != "" {
		t.Reason = f.Blocked
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		t.Message = "no answer in time: " + timeoutName(timeout.TimeoutType())
	}
	return t
}

// failureOf reads the error of an activity.
func failureOf(err error) lifecycle.Failed {
	var f lifecycle.Failed
	var last activities.Heartbeat
	var timeout *temporal.TimeoutError
	var application *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var panicked *temporal.PanicError
	switch {
	case errors.As(err, &timeout):
		f.Class = sweep.FailLost
		if timeout.HasLastHeartbeatDetails() {
			last = heartbeat(timeout.LastHeartbeatDetails)
		}
		f.Message = fmt.Sprintf("no answer from the worker since step %d (%s)", last.Progress.Step, timeoutName(timeout.TimeoutType()))
	case errors.As(err, &cancelled):
		f.Class, f.Message = sweep.FailPreempted, "the attempt was cancelled"
		if cancelled.HasDetails() {
			last = heartbeat(cancelled.Details)
		}
	case errors.As(err, &panicked):
		f.Class, f.Message = sweep.FailBug, "panic in the worker: "+panicked.Error()
	case errors.As(err, &application):
		classify(&f, application.Type())
		f.Message = application.Message()
		if application.HasDetails() {
			last = heartbeat(application.Details)
		}
	default:
		f.Class, f.Message = sweep.FailBug, err.Error()
	}
	var attempt *temporal.ActivityError
	if f.Class == sweep.FailEnvironment && errors.As(err, &attempt) && attempt.Identity() != "" {
		f.Message = fmt.Sprintf("worker %s: %s", attempt.Identity(), f.Message)
	}
	f.Shown = last.Reason()
	if last.Stage != "" {
		f.Attempt = &lifecycle.Attempt{
			Seconds: last.Seconds, Checkpoint: last.Checkpoint.Key, Step: last.Checkpoint.Step, Backend: last.Progress.Backend,
		}
	}
	return f
}

// heartbeat decodes the last heartbeat of an attempt. It is zero if it cannot be decoded:
// a worker of a different version has written it.
func heartbeat(details func(...any) error) (h activities.Heartbeat) {
	if err := details(&h); err != nil {
		return activities.Heartbeat{}
	}
	return h
}

// classify sets what the type of an application error says.
func classify(f *lifecycle.Failed, errorType string) {
	switch class, reason := sweep.FailureClass(errorType), block.Reason(errorType); {
	case class.Known():
		f.Class = class
	case slices.Contains(block.Reasons(), reason):
		f.Class, f.Blocked = sweep.FailTransient, reason
	case errorType == activities.TypeCorrupt:
		f.Class, f.Corrupt = sweep.FailTransient, true
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
