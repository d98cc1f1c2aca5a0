package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// afterLastEvent is the time limit between the last event of a child and its end.
const afterLastEvent = 10 * time.Second

// running is one run of a child process.
type running struct {
	*child.Process
	log       *attemptLog
	last      child.LastLines
	events    *eventQueue
	lastEvent chan struct{} // closed after its last event
	spoke     bool          // it has reported an event, after it has ended
	linger    time.Duration // how long it may live after its last event
}

// spawn starts `<executable> <verb> --job jobFile` on the device. A child that runs a trainer of the user is not
// killed with the worker: it ends when its stdin closes, after it has killed what the trainer started.
func (c *Children) spawn(verb, jobFile, logFile, device string, trainer *sweep.Trainer) (*running, error) {
	log, err := createLog(logFile)
	if err != nil {
		return nil, err
	}
	ch := &running{log: log, events: newEventQueue(), lastEvent: make(chan struct{}), linger: c.linger}
	command := child.Command{
		Args: []string{c.config.Executable, verb, "--job", jobFile}, Env: childEnviron(os.Environ(), trainer, device),
		Stdout: ch.stdoutLine, Stderr: func(line []byte) { ch.last.Add(line); log.line(line) },
	}
	if trainer != nil {
		command.Survives, command.Mark = true, job.ProgramMark(filepath.Dir(jobFile))
	}
	ch.Process, err = c.starter.Start(command)
	if err != nil {
		return nil, errors.Join(err, log.close())
	}
	go func() {
		<-ch.Ended()
		ch.events.close()
	}()
	return ch, nil
}

// stdoutLine adds a line to the log, and to the queue if it is an event. A library may
// print other lines.
func (ch *running) stdoutLine(line []byte) {
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

// supervise passes the child's events to handle until it ends, kills it when ctx
// ends or handle fails, and asks it to stop when drain closes (nil: never).
func (ch *running) supervise(ctx context.Context, drain <-chan struct{}, handle func(job.Event) error) (ending, error) {
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
	<-ch.Ended()
	return ch.ending(last), context.Cause(handling)
}

// guard passes cancellation, drain and the time limit after the last event on to the
// child, until it has ended.
func (ch *running) guard(ctx context.Context, drain <-chan struct{}) {
	var late <-chan time.Time
	lastEvent, done := ch.lastEvent, ctx.Done()
	for {
		select {
		case <-ch.Ended():
			return
		case <-done:
			ch.Kill()
			done = nil
		case <-drain:
			ch.Signal(syscall.SIGTERM)
			drain = nil
		case <-lastEvent:
			timer := time.NewTimer(ch.linger)
			defer timer.Stop()
			late, lastEvent = timer.C, nil
		case <-late:
			ch.Kill()
			late = nil
		}
	}
}

// ending describes how the child ended.
func (ch *running) ending(last *job.Event) ending {
	e := ending{Exit: ch.Exit(), last: last, silent: !ch.spoke, output: ch.last.Text()}
	if e.output == "" && e.Err != nil && e.Code == 0 {
		e.output = e.Err.Error()
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
