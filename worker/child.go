package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Time limits at the end of a child.
const (
	afterLastEvent = 10 * time.Second // between its last event and its end
	afterExit      = 5 * time.Second  // for the rest of its output; a process that left its group may keep the pipes open
)

// child is one run of a child process.
type child struct {
	process   *os.Process
	log       *attemptLog
	last      lastLines
	events    *eventQueue
	lastEvent chan struct{}    // closed after its last event
	ended     chan struct{}    // closed when it is reaped and its output is read
	state     *os.ProcessState // after ended
	waitErr   error            // of the wait and of reading its output, after ended
	spoke     bool             // it has reported an event, after ended
	linger    time.Duration    // how long it may live after its last event
	oom       int64            // oomKills before it started
}

// spawn starts `<executable> <verb> --job jobFile` on the device.
func (c *Children) spawn(verb, jobFile, logFile, device string) (*child, error) {
	log, err := createLog(logFile)
	if err != nil {
		return nil, err
	}
	ch := &child{log: log, events: newEventQueue(), lastEvent: make(chan struct{}), ended: make(chan struct{}), linger: c.linger}
	ch.oom, _ = oomKills()

	cmd := exec.Command(c.config.Executable, verb, "--job", jobFile)
	cmd.Env = childEnviron(os.Environ(), device)
	isolate(cmd)
	var stdout, stderr io.ReadCloser
	lifeline, err := cmd.StdinPipe() // open until the child ends, or this process does
	if err == nil {
		stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		stderr, err = cmd.StderrPipe()
	}
	if err == nil {
		err = c.starter.start(cmd)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a child: %w", err), log.close())
	}
	ch.process = cmd.Process
	readStdout := follow(stdout, ch.stdoutLine)
	readStderr := follow(stderr, func(line []byte) { ch.last.add(line); log.line(line) })
	go func() {
		defer close(ch.ended)
		ch.state, ch.waitErr = reap(ch.process, ch.kill)
		ch.waitErr = errors.Join(ch.waitErr, lifeline.Close(), readStdout(), readStderr())
		ch.events.close()
	}()
	return ch, nil
}

// stdoutLine adds a line to the log, and to the queue if it is an event. A library may
// print other lines.
func (ch *child) stdoutLine(line []byte) {
	ch.log.line(line)
	e, ok := job.Parse(line)
	if !ok {
		return
	}
	ch.spoke = true
	ch.events.push(e)
	if e.Type.Last() {
		select {
		case <-ch.lastEvent:
		default:
			close(ch.lastEvent)
		}
	}
}

// kill ends the child and its process group at once. The error is ignored: it means that
// the process has already ended.
func (ch *child) kill() { _ = syscall.Kill(-ch.process.Pid, syscall.SIGKILL) }

// supervise passes the child's events to handle until it ends, kills it when ctx
// ends or handle fails, and asks it to stop when drain closes (nil: never).
func (ch *child) supervise(ctx context.Context, drain <-chan struct{}, handle func(job.Event) error) (ending, error) {
	handling, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go ch.guard(handling, drain)

	var last *job.Event
	for {
		e, ok := ch.events.next()
		if !ok {
			break
		}
		if handling.Err() != nil || last != nil {
			continue
		}
		if e.Type.Last() {
			last = &e
			continue
		}
		if err := handle(e); err != nil {
			stop(err)
		}
	}
	<-ch.ended
	return ch.ending(last), context.Cause(handling)
}

// guard passes cancellation, drain and the time limit after the last event on to the
// child, until it has ended.
func (ch *child) guard(ctx context.Context, drain <-chan struct{}) {
	var late <-chan time.Time
	lastEvent, done := ch.lastEvent, ctx.Done()
	for {
		select {
		case <-ch.ended:
			return
		case <-done:
			ch.kill()
			done = nil
		case <-drain:
			_ = ch.process.Signal(syscall.SIGTERM) // an error means that it has just ended
			drain = nil
		case <-lastEvent:
			timer := time.NewTimer(ch.linger)
			defer timer.Stop()
			late, lastEvent = timer.C, nil
		case <-late:
			ch.kill()
			late = nil
		}
	}
}

// ending describes how the child ended.
func (ch *child) ending(last *job.Event) ending {
	e := ending{last: last, silent: !ch.spoke, output: ch.last.text()}
	if ch.state != nil {
		e.code = ch.state.ExitCode()
		if status, ok := ch.state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			e.signal = status.Signal()
		}
	}
	if now, ok := oomKills(); ok && now > ch.oom {
		e.oomKilled = true
	}
	if e.output == "" && ch.waitErr != nil && e.code == 0 {
		e.output = ch.waitErr.Error()
	}
	return e
}

// interrupted returns the error of a job that ctx or its own handler ended.
func interrupted(cause error) error {
	var known *sweep.FailureError
	switch {
	case errors.As(cause, &known), activities.BlockReason(cause) != "":
		return cause
	case file.DiskFails(cause):
		return sweep.Fail(sweep.FailEnvironment, cause)
	}
	return sweep.Fail(sweep.FailTransient, cause)
}
