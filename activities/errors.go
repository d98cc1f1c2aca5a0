package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Errors that ports return; test with errors.Is.
var (
	ErrCorrupt     = errors.New("checkpoint fails verification")
	ErrConflict    = errors.New("other content is stored under this key already")
	ErrNoExecution = errors.New("no such workflow")
)

// BlockReason returns why a port refuses all requests of this worker until an outside
// cause is removed, or "" if err is a different error. A port's error gives the reason
// with a method BlockReason.
func BlockReason(err error) block.Reason {
	var blocked interface {
		error
		BlockReason() block.Reason
	}
	if !errors.As(err, &blocked) {
		return ""
	}
	return blocked.BlockReason()
}

// Types of the application errors that are neither a sweep.FailureClass nor a
// block.Reason. Workflows decide by them, and histories keep them: never change
// one.
const (
	TypeCorrupt  = "corrupt_checkpoint"
	TypeConflict = "conflict"
)

// maxMessage bounds, in bytes, an error's text in a history.
const maxMessage = 4 << 10

// NonRetryable reports whether a retry cannot succeed.
func NonRetryable(errorType string) bool {
	class := sweep.FailureClass(errorType)
	return errorType == TypeConflict || class.Known() && !class.Policy().Retried
}

// translateError converts an error into a Temporal error: a cancellation, or an
// application error whose type is a failure class, the reason of a block, or one of the
// types above. Its message has no secret of an address, since histories keep it. ctx is
// the activity's own. details are attached.
func translateError(ctx context.Context, err error, details ...any) error {
	if err == nil {
		return nil
	}
	errorType := typeOf(err)
	if cause := context.Cause(ctx); cause != nil {
		if temporal.IsCanceledError(cause) {
			return temporal.NewCanceledError(details...)
		}
		// The worker shuts down, or somebody paused or reset the activity.
		errorType = string(sweep.FailPreempted)
	}
	return temporal.NewApplicationErrorWithOptions(message(err), errorType, temporal.ApplicationErrorOptions{
		NonRetryable: NonRetryable(errorType),
		Details:      details,
	})
}

// message is an error's text as a history keeps it.
func message(err error) string {
	message := err.Error()
	var failure *sweep.FailureError
	if errors.As(err, &failure) {
		message = failure.Message
	}
	return text.Clip(address.Redact(message), maxMessage)
}

func typeOf(err error) string {
	var failure *sweep.FailureError
	switch {
	case errors.As(err, &failure):
		return string(failure.Class)
	case errors.Is(err, ErrCorrupt):
		return TypeCorrupt
	case errors.Is(err, ErrConflict):
		return TypeConflict
	}
	if reason := BlockReason(err); reason != "" {
		return string(reason)
	}
	if file.DiskFails(err) {
		return string(sweep.FailEnvironment)
	}
	return string(sweep.FailTransient)
}
