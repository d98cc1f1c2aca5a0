package trainer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
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
	case outOfMemory(err):
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
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: err.Error()}, Err: err}
}

// outOfMemory recognises XLA's and CUDA's words: they come as text only.
func outOfMemory(err error) bool {
	text := strings.ToLower(err.Error())
	for _, words := range []string{"resource_exhausted", "out of memory", "out_of_memory", "cannot allocate memory"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return errors.Is(err, syscall.ENOMEM)
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
