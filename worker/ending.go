package worker

import (
	"fmt"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// ending describes how a child ended.
type ending struct {
	last      *job.Event     // done, diverged, preempted, result or error; nil when it reported none
	code      int            // exit code, -1 when a signal ended it
	signal    syscall.Signal // 0 when it exited
	oomKilled bool           // the kernel killed a process for memory while it ran
	silent    bool           // it reported no event at all: the program or its backend could not start
	output    string         // the last lines of its stderr
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
		return fail(class, e.last.Message, "")
	}
	switch {
	case e.signal == syscall.SIGKILL && e.oomKilled:
		return fail(sweep.FailOutOfMemory, "the kernel killed the child for memory", e.output)
	case e.signal == syscall.SIGKILL:
		return fail(sweep.FailLost, "the child was killed (signal 9)", e.output)
	case job.SaysOutOfMemory(e.output):
		return fail(sweep.FailOutOfMemory, "the child ran out of memory", e.output)
	case e.signal == syscall.SIGTERM || e.signal == syscall.SIGHUP || e.signal == syscall.SIGINT:
		return fail(sweep.FailLost, "the child was ended by "+e.signal.String(), e.output)
	case e.silent && e.signal != 0:
		return fail(sweep.FailEnvironment, "the child did not start: "+e.signal.String(), e.output)
	case e.silent && e.code != job.ExitOrphaned:
		return fail(sweep.FailEnvironment, fmt.Sprintf("the child did not start: exit code %d", e.code), e.output)
	case e.signal != 0:
		return fail(sweep.FailBug, "the child crashed: "+e.signal.String(), e.output)
	case e.code == job.ExitOrphaned:
		return fail(sweep.FailLost, fmt.Sprintf("the child lost its worker (exit code %d)", e.code), e.output)
	default:
		return fail(sweep.FailBug, fmt.Sprintf("the child ended with exit code %d without a result", e.code), e.output)
	}
}

func fail(class sweep.FailureClass, message, output string) *sweep.FailureError {
	if output != "" {
		message += "; its last output:\n" + output
	}
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: message}}
}
