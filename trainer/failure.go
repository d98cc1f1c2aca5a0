package trainer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

var errNotFinite = errors.New("a value is not finite")

// Guard runs work as Train runs a training: a panic of graph building becomes an
// error, and every error but a context's a *sweep.FailureError. log hears the stack.
func Guard(log func(format string, a ...any), work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(p, log)
		}
		err = classify(err)
	}()
	return work()
}

// classify gives err its class. A context's error passes as it is.
func classify(err error) error {
	var classed *sweep.FailureError
	switch {
	case err == nil, errors.As(err, &classed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case job.SaysOutOfMemory(err.Error()), errors.Is(err, syscall.ENOMEM):
		return failure(sweep.FailOutOfMemory, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return failure(sweep.FailTransient, err) // another worker, or a cleaned disk, can go on
	case errors.Is(err, checkpoint.ErrCorrupt):
		return failure(sweep.FailTransient, err) // the next attempt takes an older checkpoint
	}
	return failure(sweep.FailBug, err)
}

// failure gives err a class, unless it has one.
func failure(class sweep.FailureClass, err error) error {
	var classed *sweep.FailureError
	if errors.As(err, &classed) {
		return err
	}
	return sweep.Fail(class, err)
}

// recovered turns a panic of graph building into an error. The stack goes to
// log, the message is one line.
func recovered(p any, log func(format string, args ...any)) error {
	log("panic: %v\n%s", p, debug.Stack())
	if err, ok := p.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", p)
}
