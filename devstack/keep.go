package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// How long a child that ended is left alone: the first time, at most, and how long one
// must have run for its next end to count as a first one.
const (
	firstDelay = time.Second
	mostDelay  = 30 * time.Second
	steady     = time.Minute
)

// kept is a child that devstack keeps running.
type kept struct {
	name     string
	command  func() (*exec.Cmd, error)
	answers  func(context.Context) error // nil once it works
	patience time.Duration               // until it answers
	pid      *int                        // in ready.json
}

// keep starts a child, and starts it again whenever it ends by itself. It returns when the
// child answers, or with the reason why the first try failed; the tries continue.
func (s *stack) keep(ctx context.Context, k kept) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	s.wake = append(s.wake, wake)
	s.mu.Unlock()
	first, last := make(chan error, 1), make(chan *child, 1)
	go func() { last <- s.supervise(running, k, wake, first) }()
	s.started(k.name, func(stop context.Context) error {
		cancel()
		if c := <-last; c != nil {
			return c.stop(stop)
		}
		return nil
	})
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// supervise runs the child until ctx ends, and then returns the one that still runs, if
// any. first gets the result of the first try.
func (s *stack) supervise(ctx context.Context, k kept, wake <-chan struct{}, first chan<- error) *child {
	report := func(err error) {
		select {
		case first <- err:
		default:
		}
	}
	for delay := firstDelay; ; {
		began := time.Now()
		c, err := k.start(ctx, s.config.Dir)
		if c != nil {
			s.setPID(k.pid, c.pid)
			if err != nil && ctx.Err() == nil {
				s.log.Warn(k.name+" does not answer yet", "err", err, "log", c.log)
			}
		}
		report(err)
		if c != nil {
			select {
			case <-c.ended:
			case <-ctx.Done():
				return c
			}
			s.setPID(k.pid, 0)
			err = fmt.Errorf("%w, see %s", c.err, c.log)
		}
		if time.Since(began) > steady {
			delay = firstDelay
		}
		s.log.Warn(k.name+" ended and is started again", "in", delay, "err", err)
		select {
		case <-time.After(delay):
			delay = min(2*delay, mostDelay)
		case <-wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// start starts the child and waits until it answers. The child is nil if it has ended; one
// that runs and does not answer comes with an error.
func (k kept) start(ctx context.Context, dir string) (*child, error) {
	cmd, err := k.command()
	if err != nil {
		return nil, err
	}
	c, err := startChild(k.name, cmd, dir)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, k.patience)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- poll(waiting, k.answers) }()
	select {
	case err := <-answered:
		return c, err
	case <-c.ended:
		return nil, fmt.Errorf("%w, see %s", c.err, c.log)
	}
}

// setPID sets a pid of ready.json.
func (s *stack) setPID(field *int, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*field = pid
	if !s.published {
		return
	}
	if err := writeReady(s.config.Dir, s.ready); err != nil {
		s.log.Warn("ready.json is outdated", "err", err)
	}
}

// revive starts the children that have ended without the rest of their delay.
func (s *stack) revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}
