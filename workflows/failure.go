package workflows

import (
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

// attemptFailure is a failed attempt at training or evaluating.
type attemptFailure struct {
	sweep.Failure
	corrupt bool // the checkpoint to evaluate does not verify
	last    activities.Heartbeat
}

// failureOf reads the error of a training activity. An attempt that said nothing
// before it ended has a zero heartbeat.
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
		f.Message = fmt.Sprintf("the worker went silent at step %d (%s)", f.last.Progress.Step, timeoutName(timeout.TimeoutType()))
	case errors.As(err, &cancelled):
		f.Class, f.Message = sweep.FailPreempted, "the attempt was cancelled"
		if cancelled.HasDetails() {
			f.read(cancelled.Details(&f.last))
		}
	case errors.As(err, &panicked):
		f.Class, f.Message = sweep.FailBug, "panic in the worker: "+panicked.Error()
	case errors.As(err, &application):
		f.Class, f.corrupt = classOf(application.Type())
		f.Message = application.Message()
		if application.HasDetails() {
			f.read(application.Details(&f.last))
		}
	default:
		f.Class, f.Message = sweep.FailBug, err.Error()
	}
	return f
}

// read notes details that cannot be read: they are of another version.
func (f *attemptFailure) read(err error) {
	if err != nil {
		f.last = activities.Heartbeat{}
	}
}

func classOf(errorType string) (class sweep.FailureClass, corrupt bool) {
	if class := sweep.FailureClass(errorType); class.Known() {
		return class, false
	}
	if errorType == activities.TypeCorrupt {
		return sweep.FailTransient, true
	}
	return sweep.FailBug, false
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
