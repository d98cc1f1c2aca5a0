package trainer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

var errNotFinite = errors.New("a value is not finite")

// Guard runs work and classifies its error: a panic of graph building becomes an error
// with a message of one line, and every error except a context's becomes a
// *sweep.FailureError. The stack of a panic goes to log.
func Guard(log func(format string, a ...any), work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log("panic: %v\n%s", p, debug.Stack())
			cause, ok := p.(error)
			if !ok {
				cause = fmt.Errorf("%v", p)
			}
			err = fmt.Errorf("panic: %w", cause)
		}
		err = classify(err)
	}()
	return work()
}

// classify gives err a failure class. A context's error is returned unchanged.
func classify(err error) error {
	var classed *sweep.FailureError
	switch {
	case err == nil, errors.As(err, &classed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case job.SaysOutOfMemory(err.Error()), errors.Is(err, syscall.ENOMEM):
		return failure(sweep.FailOutOfMemory, err)
	case file.DiskFails(err): // another worker, or this one after a cleanup, can continue
		return failure(sweep.FailEnvironment, err)
	case errors.Is(err, checkpoint.ErrCorrupt): // the next attempt takes an older checkpoint
		return failure(sweep.FailTransient, err)
	}
	return failure(sweep.FailBug, err)
}

// failure gives err a class, unless it has one already.
func failure(class sweep.FailureClass, err error) error {
	var classed *sweep.FailureError
	if errors.As(err, &classed) {
		return err
	}
	return sweep.Fail(class, err)
}
