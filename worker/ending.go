package worker

import (
	"fmt"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// ending describes how a child ended.
type ending struct {
	child.Exit
	last   *job.Event // done, diverged, preempted, result or error; nil when it reported none
	silent bool       // it reported no event at all: the program or its backend could not start
	output string     // the last lines of its stderr
}

// failure returns why the child failed, or nil when its last event is a success. The
// last event takes precedence over the exit status: a library that crashes while the
// process ends does not undo the work.
func (e ending) failure() *sweep.FailureError {
	if e.last != nil {
		if e.last.Type != job.Error {
			return nil
		}
		class := e.last.Class
		if !class.Known() { // of a child of another version
			class = sweep.FailBug
		}
		return child.Fail(class, e.last.Message, "")
	}
	if failure := e.Failure("the child", e.output); failure != nil {
		return failure
	}
	switch {
	case e.silent && e.Signal != 0:
		return child.Fail(sweep.FailEnvironment, "the child did not start: "+e.Signal.String(), e.output)
	case e.silent && e.Code != job.ExitOrphaned:
		return child.Fail(sweep.FailEnvironment, fmt.Sprintf("the child did not start: exit code %d", e.Code), e.output)
	case e.Signal != 0:
		return child.Fail(sweep.FailBug, "the child crashed: "+e.Signal.String(), e.output)
	case e.Code == job.ExitOrphaned:
		return child.Fail(sweep.FailLost, fmt.Sprintf("the child lost its worker (exit code %d)", e.Code), e.output)
	default:
		return child.Fail(sweep.FailBug, fmt.Sprintf("the child ended with exit code %d without a result", e.Code), e.output)
	}
}
