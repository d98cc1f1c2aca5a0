package sweeps

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

const (
	// answerTimeout is how long a verb waits for the answer to a command. A sweep that
	// answers later receives the command twice, and obeys one.
	answerTimeout = 10 * time.Second
	// noticeAfter is when a verb says that it waits.
	noticeAfter = 2 * time.Second
	// sendTries bounds how often a sweep may end or continue between two calls.
	sendTries = 5
)

// sender sends commands to sweeps, also to those that have ended.
type sender struct {
	temporal client.Client
	open     func(context.Context) (*archive.Archive, error) // is called for a sweep whose workflow has ended
	here     sweep.Identity                                  // where the command is sent to
	notice   func(string)                                    // is called once if the answer takes long; may be nil
	timeout  time.Duration                                   // for tests: instead of answerTimeout
	patience time.Duration                                   // for tests: instead of noticeAfter
	sent     bool                                            // the command may have reached Temporal
}

// answer is what is known of a command that was sent.
type answer struct {
	progress  conduct.Progress // of the sweep after the command
	recorded  bool             // no worker has answered: Temporal keeps the command
	continued bool             // the sweep had ended
}

// send sends a command as an Update. Temporal keeps an Update only from the time that a
// worker accepts it, so where none does the command is sent as a signal, which
// Temporal keeps; a sweep that receives both obeys one, by the ID. A sweep that has
// ended is started again with the command. If ctx ends after the command was sent, its effect
// is not known: the error is a cli.InterruptedError.
func (s *sender) send(ctx context.Context, name string, e conduct.Commanded) (answer, error) {
	e.ID = rand.Text()
	for range sendTries {
		a, err := s.update(ctx, name, e)
		if _, closed := errors.AsType[*serviceerror.NotFound](err); closed {
			s.sent = false
			a, err = s.restart(ctx, name, e)
		}
		if code := cli.CodeOf(err); s.sent && ctx.Err() != nil && (code == cli.ExitFailure || code == cli.ExitInterrupted) {
			return a, &cli.InterruptedError{Note: fmt.Sprintf("the command may have been accepted: `tailsweep describe %s` shows it", name)}
		}
		if !temporal.IsWorkflowExecutionAlreadyStartedError(err) { // another client was faster
			return a, err
		}
	}
	return answer{}, fmt.Errorf("%s %s: the sweep ends and continues again and again: try again", e.Name, name)
}

// update sends the command to a running workflow.
func (s *sender) update(ctx context.Context, name string, e conduct.Commanded) (answer, error) {
	a := answer{progress: conduct.Progress{Name: name}}
	if progress.WorkerPolls(ctx, s.temporal) {
		waiting, cancel := context.WithTimeout(ctx, cmp.Or(s.timeout, answerTimeout))
		defer cancel()
		if s.notice != nil {
			slow := time.AfterFunc(cmp.Or(s.patience, noticeAfter), func() {
				s.notice(fmt.Sprintf("no worker has answered yet; after %s the command is recorded and this returns", answerTimeout))
			})
			defer slow.Stop()
		}
		s.sent = true
		handle, err := s.temporal.UpdateWorkflow(waiting, client.UpdateWorkflowOptions{
			UpdateID: e.ID, WorkflowID: workflows.SweepID(name), UpdateName: e.Name, Args: []any{e.Command},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(waiting, &a.progress)
		}
		refused, isRefused := errors.AsType[*temporal.ApplicationError](err)
		// The server may end the call a moment before the deadline passes here.
		_, unanswered := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
		_, failing := errors.AsType[*serviceerror.WorkflowNotReady](err) // see progress.FailingError
		switch {
		case isRefused && refused.Type() == workflows.TypeNoTrial:
			return a, cli.NotFoundf("%s", refused.Message())
		case isRefused:
			return a, cli.Usagef("%s", refused.Message())
		case err == nil:
			return a, nil
		case ctx.Err() != nil, waiting.Err() == nil && !unanswered && !failing:
			return a, fmt.Errorf("%s %s: %w", e.Name, name, err)
		}
	}
	a.recorded, s.sent = true, true
	if err := s.temporal.SignalWorkflow(ctx, workflows.SweepID(name), "", workflows.SignalCommand, e); err != nil {
		return a, fmt.Errorf("%s %s: %w", e.Name, name, err)
	}
	return a, nil
}

// restart continues a sweep whose workflow has ended, or is no longer known to Temporal,
// with a command.
func (s *sender) restart(ctx context.Context, name string, e conduct.Commanded) (answer, error) {
	arc, err := s.open(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: Temporal has no running workflow of the sweep, and it cannot be restored from the store: %w", e.Name, name, err)
	}
	restored, err := arc.Restore(ctx, name, s.here)
	if errors.Is(err, store.ErrNotFound) {
		if err := arc.CheckLost(ctx, name); err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", e.Name, name, err)
		}
		return answer{}, cli.NotFoundf("%s: no sweep %q; `tailsweep list` lists the sweeps", e.Name, name)
	}
	_, elsewhere := errors.AsType[*archive.ElsewhereError](err)
	_, removing := errors.AsType[*archive.RemovingError](err)
	if elsewhere || removing {
		return answer{}, cli.ExitWith(cli.ExitUsage, err)
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: Temporal has no running workflow of the sweep, and it cannot be restored from the store: %w", e.Name, name, err)
	}
	spec, digest := restored.Spec, restored.Digest
	now := time.Now().UTC()
	m := conduct.New(spec, restored.State, conduct.LogicNow, now)
	if err := m.Check(e); errors.As(err, new(*conduct.NoTrialError)) {
		return answer{}, cli.ExitWith(cli.ExitNotFound, err)
	} else if err != nil {
		return answer{}, cli.ExitWith(cli.ExitUsage, err)
	}
	options := startOptions(m.Spec(), digest, restored.Owner)
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	options.WorkflowExecutionErrorWhenAlreadyStarted = true
	in := workflows.SweepInput{Spec: *spec, Digest: digest, State: restored.State, Command: &e, Owner: restored.Owner}
	s.sent = true
	started, err := s.temporal.ExecuteWorkflow(ctx, options, workflows.TypeSweep, in)
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: continue the sweep: %w", e.Name, name, err)
	}
	if err := s.checkContinued(ctx, arc, name, restored.Owner, started); err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", e.Name, name, err)
	}
	m.Step(now, conduct.Resumed{}) // as the workflow does
	m.Step(now, e)
	return answer{m.Progress(digest), !progress.WorkerPolls(ctx, s.temporal), true}, nil
}

// checkContinued terminates the workflow of a sweep that was continued while rm began to
// remove it: rm asks for workflows that run after it has marked the sweep, so either rm finds
// this one, or this finds the mark.
func (s *sender) checkContinued(ctx context.Context, arc *archive.Archive, name string, owner sweep.Identity, run client.WorkflowRun) error {
	err := arc.CheckContinued(ctx, name, owner)
	_, removing := errors.AsType[*archive.RemovingError](err)
	_, other := errors.AsType[*archive.OwnerError](err)
	if !removing && !other {
		return err
	}
	if ended := s.temporal.TerminateWorkflow(ctx, workflows.SweepID(name), run.GetRunID(), err.Error()); ended != nil {
		err = errors.Join(err, fmt.Errorf("terminate the workflow that continues it: %w", ended))
	}
	return cli.ExitWith(cli.ExitUsage, err)
}
