package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Message is what a person is told about an error; "" when it was told before.
func Message(err error) string {
	var faults specfile.Faults
	var coded *codedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &faults):
		return faults.Error()
	case errors.As(err, &coded) && coded.err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "tailsweep: interrupted"
	default:
		return "tailsweep: " + address.Redact(err.Error())
	}
}

// The exit codes of every verb. Package job gives 3 its meaning for children.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	exitLostWorker  = 3
	ExitNotFound    = 4
	ExitInterrupted = 130
)

// ExitCodes is the text of `tailsweep help exit-codes`.
const ExitCodes = `Exit codes:

    0   it worked; for run and watch: the sweep completed, or was stopped as asked
    1   it failed; for run and watch: the sweep failed or was cancelled
    2   bad input: a faulty spec, an unknown verb, flag or value
    3   train and evaluate: the worker that started this child is gone
    4   no such sweep, trial or checkpoint
  130   interrupted (Ctrl-C); for run and watch: only the watching ended, the sweep goes on
`

// codedError carries the exit code of an error that has no type of its own.
type codedError struct {
	code int
	err  error // nil: nothing more is to be said
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

// Usagef is an error in how a verb was called.
func Usagef(format string, args ...any) error {
	return ExitWith(ExitUsage, fmt.Errorf(format, args...))
}

// ExitWith gives an error an exit code.
func ExitWith(code int, err error) error { return &codedError{code, err} }

// Silently ends with a code when all has been said already.
func Silently(code int) error { return &codedError{code: code} }

// CodeOf gives the exit code of an error that a verb returned.
func CodeOf(err error) int {
	var coded *codedError
	var faults specfile.Faults
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &faults):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	default:
		return ExitFailure
	}
}
