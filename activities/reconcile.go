package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Reconcile finds the trials that will never report: their workflow was
// terminated, timed out or failed, or its report was lost. The result of such a trial
// is what it published, or a failure of class lost. It also finds a further trial that
// was started.
func (a *Activities) Reconcile(ctx context.Context, in ReconcileInput) (ReconcileResult, error) {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return ReconcileResult{}, translateError(ctx, err)
	}
	var result ReconcileResult
	size := 0
	for _, silent := range in.Silent {
		if size > conduct.PayloadLimit {
			result.Left = append(result.Left, silent.Assignment.Number)
			continue
		}
		ended, err := own.reconcile(ctx, in.Sweep, silent)
		if err != nil {
			return ReconcileResult{}, translateError(ctx, err)
		}
		if ended != nil {
			result.Ended = append(result.Ended, *ended)
			size += conduct.SizeOf(*ended)
		}
	}
	if in.Next != nil {
		found, err := own.found(ctx, in.Sweep, *in.Next)
		if err != nil {
			return ReconcileResult{}, translateError(ctx, err)
		}
		result.Found = found
	}
	return result, nil
}

// found reports whether a trial was started at or after its StartedAt: its workflow is
// there, or what it published.
func (a *owned) found(ctx context.Context, name string, next SilentTrial) (bool, error) {
	number := next.Assignment.Number
	_, started, err := a.Executions.Status(ctx, next.Workflow)
	switch {
	case err == nil:
		return !started.Before(next.StartedAt), nil
	case !errors.Is(err, ErrNoExecution):
		return false, fmt.Errorf("look for trial %d: %w", number, err)
	}
	published, ok, err := a.Records.Result(ctx, name, number)
	if err != nil {
		return false, fmt.Errorf("look for the result of trial %d: %w", number, err)
	}
	return ok && !published.StartedAt.Before(next.StartedAt), nil
}

// reconcile returns nil for a trial that still runs.
func (a *owned) reconcile(ctx context.Context, name string, silent SilentTrial) (*sweep.Trial, error) {
	number := silent.Assignment.Number
	status, _, err := a.Executions.Status(ctx, silent.Workflow)
	fate := fmt.Sprintf("workflow %s ended (%s) without a result", silent.Workflow, status)
	switch {
	case errors.Is(err, ErrNoExecution):
		fate = fmt.Sprintf("workflow %s no longer exists and has no result", silent.Workflow)
	case err != nil:
		return nil, fmt.Errorf("look for trial %d: %w", number, err)
	case status == ExecutionRunning:
		return nil, nil
	}
	ended, ok, err := a.Records.Result(ctx, name, number)
	if err != nil {
		return nil, fmt.Errorf("look for the result of trial %d: %w", number, err)
	}
	refs, partial, err := a.Checkpoints.List(ctx, name, number)
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints of trial %d: %w", number, err)
	}
	if !ok {
		newest, err := a.newestIntact(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("look for the last checkpoint of trial %d: %w", number, err)
		}
		ended = sweep.Trial{
			Assignment: silent.Assignment, Status: sweep.StatusFailed,
			StartedAt: silent.StartedAt, FinishedAt: time.Now().UTC(),
			Error:      &sweep.Failure{Class: sweep.FailLost, Message: fate},
			Checkpoint: newest.Key, Steps: newest.Step,
		}
		// The last activity of the ended workflow may still write a result: the first one counts.
		if ended, err = a.Records.CreateResult(ctx, name, ended); err != nil {
			return nil, fmt.Errorf("store the result of trial %d: %w", number, err)
		}
	}
	if err := a.keepOnly(ctx, ended, refs, partial); err != nil { // gc removes them
		activity.GetLogger(ctx).Warn("checkpoints of a trial that ended without a report are left", "trial", number, "error", err)
	}
	return &ended, nil
}
