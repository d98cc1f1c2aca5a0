package activities

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Evaluate evaluates a checkpoint and stores its sample grid. It has no state to save:
// when the worker stops, it ends as preempted. A checkpoint that fails verification is
// an error of TypeCorrupt. Its errors have a Heartbeat as detail.
func (a *Activities) Evaluate(ctx context.Context, in EvaluateInput) (EvaluateResult, error) {
	name := in.Spec.Name
	if in.After != "" {
		a.Recorder.Restart(name, in.After)
	}
	at := a.startAttempt(ctx, StageEvaluate, in.Task, in.Report, in.BlockedBy)
	at.checkpoint(in.Checkpoint)
	go at.preemptOn(activity.GetWorkerStopChannel(ctx))
	var result EvaluateResult
	own, err := a.accept(at, in.Task)
	if err == nil {
		result, err = own.evaluate(at, in)
	}
	last, err := at.stop(err)
	a.Recorder.TrialEnded(name, sweep.Trial{Assignment: in.Assignment})
	result.Seconds, result.Build, result.Shown = last.Seconds, a.Build, last.Shown
	return result, translateError(ctx, err, last)
}

func (a *owned) evaluate(at *attempt, in EvaluateInput) (EvaluateResult, error) {
	ctx := at.ctx
	name, number := in.Spec.Name, in.Assignment.Number
	root, remove, err := a.stage(ctx, name, number)
	if err != nil {
		return EvaluateResult{}, err
	}
	defer remove()

	job := sweep.EvaluateJob{Task: in.Task, Checkpoint: filepath.Join(root, "checkpoint"), Output: filepath.Join(root, "out")}
	if in.Rung {
		job.Spec = in.Spec.AtRung()
	}
	if err := os.Mkdir(job.Output, 0o700); err != nil {
		return EvaluateResult{}, fmt.Errorf("stage trial %d: %w", number, err)
	}
	err = at.transferSized(func(ctx context.Context, size func(int64)) error {
		return a.Checkpoints.Download(ctx, in.Checkpoint.Key, job.Checkpoint, size)
	})
	if err != nil {
		return EvaluateResult{}, fmt.Errorf("evaluate %s: %w", in.Checkpoint.Key, err)
	}
	if err := at.dataset(a.Datasets, in.Spec.Dataset); err != nil {
		return EvaluateResult{}, fmt.Errorf("download the dataset: %w", err)
	}
	moves := at.firstMove()
	found, err := a.Trainer.Evaluate(ctx, job, func(progress Progress) error {
		a.Recorder.EvaluationProgress(name, number, progress.Step)
		at.progress(progress)
		moves(progress.Step > 0)
		return nil
	})
	if err != nil {
		return EvaluateResult{}, err
	}
	result := EvaluateResult{Evaluation: found.Finite()}
	if size := conduct.SizeOf(result); size > conduct.TrialLimit {
		return EvaluateResult{}, tooLarge(number, size)
	}
	if missing := result.Missing(&job.Spec); len(missing) > 0 {
		return EvaluateResult{}, sweep.Fail(sweep.FailBadData, fmt.Errorf("the evaluation of trial %d measured no %s, which the spec asks for", number, strings.Join(missing, ", ")))
	}
	err = at.transfer(func(ctx context.Context) (err error) {
		result.Grid, err = a.Records.PutGrid(ctx, name, number, found.Grid)
		return err
	})
	return result, err
}

// tooLarge is the error of an evaluation that does not fit into the result of a trial.
func tooLarge(number, size int) error {
	return sweep.Fail(sweep.FailBadData, fmt.Errorf("the evaluation of trial %d has %d bytes; the result of a trial can have %d", number, size, conduct.TrialLimit))
}

// preemptOn ends the attempt as preempted when stop closes, as the worker stops.
func (at *attempt) preemptOn(stop <-chan struct{}) {
	select {
	case <-stop:
		at.cancel(&sweep.FailureError{Failure: sweep.Failure{
			Class: sweep.FailPreempted, Message: "the worker stops",
		}})
	case <-at.ctx.Done():
	}
}
