package child

import (
	"os"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Exit describes how a process ended.
type Exit struct {
	Code      int            // exit code, -1 when a signal ended it
	Signal    syscall.Signal // 0 when it exited
	OOMKilled bool           // the kernel killed a process for memory while it ran
	Left      []string       // command lines of processes that it had started and that ran when it had ended; they were killed. Linux, with Command.Mark
	Err       error          // of the wait and of reading its output
}

func exitOf(state *os.ProcessState) (e Exit) {
	if state != nil {
		e.Code = state.ExitCode()
		if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			e.Signal = status.Signal()
		}
	}
	return e
}

// Failure returns why a process that ended without a result failed, where the way it ended
// says so by itself: killed, asked to stop from outside, or out of memory; else nil.
// who names it: "the child". output is the end of its output.
func (e Exit) Failure(who, output string) *sweep.FailureError {
	switch {
	case e.Signal == syscall.SIGKILL && e.OOMKilled:
		return Fail(sweep.FailOutOfMemory, "the kernel killed "+who+" for memory", output)
	case e.Signal == syscall.SIGKILL:
		return Fail(sweep.FailLost, who+" was killed (signal 9)", output)
	case job.SaysOutOfMemory(output):
		return Fail(sweep.FailOutOfMemory, who+" ran out of memory", output)
	case e.Signal == syscall.SIGTERM || e.Signal == syscall.SIGHUP || e.Signal == syscall.SIGINT:
		return Fail(sweep.FailLost, who+" was ended by "+e.Signal.String(), output)
	}
	return nil
}

// Fail returns a failure whose message ends with the last output of a process, if there is
// any.
func Fail(class sweep.FailureClass, message, output string) *sweep.FailureError {
	if output != "" {
		message += "; its last output:\n" + output
	}
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: message}}
}
