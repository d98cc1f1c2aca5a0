package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The exit codes of every verb. A worker's child uses OK, Failure, LostWorker and Diverged.
const (
	ExitOK          = job.ExitOK
	ExitFailure     = job.ExitFailed
	ExitUsage       = 2
	ExitLostWorker  = job.ExitOrphaned
	ExitNotFound    = 4
	ExitDiverged    = job.ExitDiverged
	ExitFewer       = 6
	ExitNoAnswer    = 69  // EX_UNAVAILABLE of sysexits(3)
	ExitTimeout     = 124 // as of timeout(1)
	ExitInterrupted = 130 // as shells report SIGINT
)

// ExitCode is an exit code and its meaning.
type ExitCode struct {
	Code    int
	Meaning string
}

// ExitCodes is the list of exit codes: help and docs/guide.md show it.
var ExitCodes = []ExitCode{
	{ExitOK, "success; run, watch and wait: the sweep completed, or was stopped as asked; a command: the sweep accepted it, or Temporal keeps it until a worker runs"},
	{ExitFailure, "failure; run, watch and wait: the sweep failed or was cancelled; list: the list is not complete; describe: the store does not give the spec; doctor and trainer-check: a fault"},
	{ExitUsage, "bad input: a fault in a spec or in data, an unknown verb, flag or value, a command that the sweep refuses"},
	{ExitLostWorker, "train and evaluate with --job: the worker that started this child is gone"},
	{ExitNotFound, "no such sweep, trial or checkpoint"},
	{ExitDiverged, "train: the training diverged, its loss or a weight is not finite"},
	{ExitFewer, "generate: fewer images than asked for passed the gates; the others are there"},
	{ExitNoAnswer, "watch and wait: Temporal or the object store does not answer, so the state of the sweep is unknown; watch, wait and describe: Temporal has no such namespace"},
	{ExitTimeout, "wait: --timeout has passed, the sweep continues"},
	{ExitInterrupted, "interrupted (Ctrl-C); run and watch: only the display ended, the sweep continues"},
}

// ExitCodesHelp is the text of `tailsweep help exit-codes`.
func ExitCodesHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n\n")
	for _, c := range ExitCodes {
		fmt.Fprintf(&b, "%5d   %s\n", c.Code, c.Meaning)
	}
	return b.String()
}

// codedError is an error with an exit code. Without err nothing is printed.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

// ExitWith gives an error an exit code.
func ExitWith(code int, err error) error { return &codedError{code, err} }

// InterruptedError means that a signal ended a verb.
type InterruptedError struct {
	Note string // what is known of the effect; may be ""
}

// Error implements error.
func (e *InterruptedError) Error() string {
	if e.Note == "" {
		return "interrupted"
	}
	return "interrupted: " + e.Note
}

// Interrupted returns the error of a verb whose context a signal may have ended: a failure
// of any operation is then only its consequence. Results of a training and of a child
// process stay, and exit codes other than those of a failure or of no answer.
func Interrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	var known *InterruptedError
	var child childExit
	var failure *sweep.FailureError
	switch code := CodeOf(err); {
	case errors.As(err, &known):
		return known
	case errors.As(err, &child), errors.As(err, &failure) && !errors.Is(err, context.Canceled):
		return err
	case code == ExitFailure, code == ExitNoAnswer, errors.Is(err, context.Canceled):
		return &InterruptedError{}
	}
	return err
}

// childExit is the exit code of a worker's child. Nothing is printed.
type childExit int

// Error implements error.
func (e childExit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// ChildExit ends a worker's child with a code, also when a signal has ended its work.
func ChildExit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &codedError{code: code, err: childExit(code)}
}

// NoAnswer gives an error that has no exit code of its own that of services that do not give
// the state of a sweep.
func NoAnswer(err error) error {
	if CodeOf(err) != ExitFailure {
		return err
	}
	return ExitWith(ExitNoAnswer, err)
}

// Usagef is an error in how a verb was called.
func Usagef(format string, args ...any) error {
	return ExitWith(ExitUsage, fmt.Errorf(format, args...))
}

// NotFoundf is the error that a sweep, trial or checkpoint does not exist.
func NotFoundf(format string, args ...any) error {
	return ExitWith(ExitNotFound, fmt.Errorf(format, args...))
}

// Silently ends with a code and prints nothing more; nil for ExitOK.
func Silently(code int) error {
	if code == ExitOK {
		return nil
	}
	return &codedError{code: code}
}

// AsBadInput gives a failure of class bad_data the exit code of bad input.
func AsBadInput(err error) error {
	if failure, ok := errors.AsType[*sweep.FailureError](err); ok && failure.Class == sweep.FailBadData {
		return ExitWith(ExitUsage, err)
	}
	return err
}

// CodeOf returns the exit code of an error that a verb returned.
func CodeOf(err error) int {
	var coded *codedError
	var faults specfile.Faults
	var name *archive.NameError
	var interrupted *InterruptedError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &interrupted):
		return ExitInterrupted
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &faults), errors.As(err, &name), errors.Is(err, connect.ErrHalf):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	default:
		return ExitFailure
	}
}

// Message returns what to print about an error; "" for nothing.
func Message(err error) string {
	var faults specfile.Faults
	var coded *codedError
	var child childExit
	var interrupted *InterruptedError
	switch {
	case err == nil, errors.As(err, &coded) && coded.err == nil, errors.As(err, &child):
		return ""
	case errors.As(err, &interrupted):
		return "tailsweep: " + interrupted.Error()
	case errors.As(err, &faults):
		return address.Redact(faults.Error())
	case errors.Is(err, context.Canceled):
		return "tailsweep: interrupted"
	default:
		return "tailsweep: " + address.Redact(err.Error())
	}
}
