package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// The exit codes of every verb. Package job gives 3 its meaning for children.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitLostWorker  = 3
	exitNotFound    = 4
	exitInterrupted = 130
)

// exitCodes is the text of `tailsweep help exit-codes`.
const exitCodes = `Exit codes:

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

// usagef is an error in how a verb was called.
func usagef(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// silently ends with a code when all has been said already.
func silently(code int) error { return &codedError{code: code} }

// codeOf gives the exit code of an error that a verb returned.
func codeOf(err error) int {
	var coded *codedError
	var faults specfile.Faults
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &faults):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitFailure
	}
}

// args checks the number of arguments and names them when it is wrong.
func args(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if n := len(given); n < least || n > most {
			return usagef("%s takes %s, not %s; see `%s --help`", cmd.CommandPath(), names, counted(n, "argument"), cmd.CommandPath())
		}
		return nil
	}
}
