package activities

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Train makes one attempt at training a trial, to its end or to a rung. It resumes from
// the trial's last complete checkpoint, if there is one. Every checkpoint is stored
// before a heartbeat names it. When the worker stops, the attempt ends with
// sweep.OutcomePreempted after one more checkpoint; when max_trial_time is over, it ends in the
// same way with sweep.OutcomeTimeUp. Its errors have a Heartbeat as detail.
func (a *Activities) Train(ctx context.Context, in TrainInput) (TrainResult, error) {
	name, number := in.Spec.Name, in.Assignment.Number
	if in.After != "" {
		a.Recorder.Restart(name, in.After)
	}
	at := a.startAttempt(ctx, StageTrain, in.Task, in.Report, in.BlockedBy)
	timeUp, stopClock := at.timeUp(in)
	var outcome Outcome
	own, err := a.accept(at, in.Task)
	if err == nil {
		outcome, err = own.train(at, in, firstClosed(at.ctx, activity.GetWorkerStopChannel(ctx), timeUp))
	}
	stopClock()
	last, err := at.stop(err)
	if outcome.Status == sweep.OutcomePreempted && closed(timeUp) {
		outcome.Status = sweep.OutcomeTimeUp
	}
	a.Recorder.TrialEnded(name, sweep.Trial{Assignment: in.Assignment})
	if err == nil && outcome.Status == sweep.OutcomeDone && last.Checkpoint.Step != outcome.Step {
		err = bug("trial %d ended at step %d, but its last checkpoint is of step %d", number, outcome.Step, last.Checkpoint.Step)
	}
	outcome.Losses = outcome.Finite()
	if e := outcome.Evaluation; e != nil {
		outcome.Evaluation = new(e.Finite())
		if size := conduct.SizeOf(e); size > conduct.TrialLimit && err == nil {
			err = tooLarge(number, size)
		}
	}
	return TrainResult{
		Outcome: outcome, Checkpoint: last.Checkpoint, Seconds: last.Seconds, Build: a.Build, Shown: last.Shown,
	}, translateError(ctx, err, last)
}

// timeUp returns a channel that closes when nothing is left of max_trial_time.
func (at *attempt) timeUp(in TrainInput) (timeUp <-chan struct{}, stop func()) {
	if in.Left <= 0 {
		return nil, func() {}
	}
	left := in.Left
	if info := activity.GetInfo(at.parent); in.Waited && !info.ScheduledTime.IsZero() {
		left -= info.StartedTime.Sub(info.ScheduledTime)
	}
	up := make(chan struct{})
	timer := time.AfterFunc(left, func() { close(up) })
	return up, func() { timer.Stop() }
}

// firstClosed returns a channel that closes with the first of a and b; b may be nil.
func firstClosed(ctx context.Context, a, b <-chan struct{}) <-chan struct{} {
	if b == nil {
		return a
	}
	first := make(chan struct{})
	go func() {
		select {
		case <-a:
			close(first)
		case <-b:
			close(first)
		case <-ctx.Done():
		}
	}()
	return first
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (a *owned) train(at *attempt, in TrainInput, drain <-chan struct{}) (outcome Outcome, err error) {
	ctx := at.ctx
	name, number := in.Spec.Name, in.Assignment.Number
	root, remove, err := a.stage(ctx, name, number)
	if err != nil {
		return Outcome{}, err
	}
	defer remove()

	job := sweep.TrainJob{Task: in.Task, Until: in.Until, Staging: filepath.Join(root, "out")}
	if err := os.Mkdir(job.Staging, 0o700); err != nil {
		return Outcome{}, fmt.Errorf("stage trial %d: %w", number, err)
	}
	resume := filepath.Join(root, "resume")
	if t := in.Spec.Trainer; t != nil && len(t.Files) > 0 {
		if len(t.Digests) == 0 {
			return Outcome{}, sweep.Fail(sweep.FailBadData, errors.New("the sweep was started without the files that trainer.files names: start it with `tailsweep run`, which stores them"))
		}
		job.Files = filepath.Join(root, "files")
		err := at.transfer(func(ctx context.Context) error { return a.Records.Files(ctx, name, t.Digests, job.Files) })
		if err != nil {
			return Outcome{}, err
		}
	}
	err = at.transferSized(func(ctx context.Context, size func(int64)) error {
		ref, err := a.lastComplete(ctx, name, number, in.Until, resume, size)
		if ref.Key != "" {
			job.Resume, job.Parent = resume, ref.Key
			at.checkpoint(ref)
		}
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	if err := at.dataset(a.Datasets, in.Spec.Dataset); err != nil {
		return Outcome{}, fmt.Errorf("download the dataset: %w", err)
	}
	moves := at.firstMove()
	return a.Trainer.Train(ctx, job, drain, func(progress Progress) error {
		a.Recorder.TrialProgress(name, number, progress)
		at.progress(progress)
		if progress.Checkpoint == "" {
			moves(progress.Point != nil || progress.StepsPerSecond > 0)
			return nil
		}
		return at.transferSized(func(ctx context.Context, size func(int64)) error {
			ref, err := a.storeCheckpoint(ctx, in, progress.Checkpoint, size)
			if err == nil {
				at.checkpoint(ref)
				at.unblock()
			}
			return err
		})
	})
}

// lastComplete downloads the trial's last checkpoint that verifies into dir. With until,
// it skips checkpoints after that step. It returns the zero CheckpointRef if there is
// none.
func (a *owned) lastComplete(ctx context.Context, name string, number, until int, dir string, size func(bytes int64)) (CheckpointRef, error) {
	refs, _, err := a.Checkpoints.List(ctx, name, number)
	if err != nil {
		return CheckpointRef{}, fmt.Errorf("list the checkpoints of trial %d: %w", number, err)
	}
	for _, ref := range refs {
		if until > 0 && ref.Step > until {
			continue
		}
		err := a.Checkpoints.Download(ctx, ref.Key, dir, size)
		if err == nil {
			return ref, nil
		}
		if !errors.Is(err, ErrCorrupt) {
			return CheckpointRef{}, fmt.Errorf("resume trial %d from %s: %w", number, ref.Key, err)
		}
		activity.GetLogger(ctx).Warn("a checkpoint is corrupt, the one before it is used", "key", ref.Key, "error", err)
	}
	return CheckpointRef{}, nil
}

// storeCheckpoint uploads the folder dir, and removes it.
func (a *owned) storeCheckpoint(ctx context.Context, in TrainInput, dir string, size func(bytes int64)) (CheckpointRef, error) {
	number := in.Assignment.Number
	bytes, err := file.FolderSize(dir)
	if err != nil {
		return CheckpointRef{}, fmt.Errorf("measure a checkpoint of trial %d: %w", number, err)
	}
	size(bytes)
	began := time.Now()
	ref, err := a.Checkpoints.Upload(ctx, in.Spec.Name, number, in.Attempt, dir)
	if err != nil {
		return CheckpointRef{}, fmt.Errorf("store a checkpoint of trial %d: %w", number, err)
	}
	a.Recorder.CheckpointStored(in.Spec.Name, bytes, time.Since(began).Seconds())
	if err := os.RemoveAll(dir); err != nil {
		return CheckpointRef{}, fmt.Errorf("make room after a checkpoint of trial %d: %w", number, err)
	}
	return ref, nil
}

// stage makes a folder for one attempt; remove deletes it.
func (a *Activities) stage(ctx context.Context, name string, number int) (dir string, remove func(), err error) {
	if a.Restage != nil {
		if err := a.Restage(); err != nil {
			return "", nil, fmt.Errorf("stage trial %d: %w", number, err)
		}
	}
	dir, err = os.MkdirTemp(a.StagingRoot, fmt.Sprintf("%s-%06d-*", name, number))
	if err != nil {
		return "", nil, fmt.Errorf("stage trial %d: %w", number, err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			activity.GetLogger(ctx).Warn("cannot remove a staging folder", "folder", dir, "error", err)
		}
	}, nil
}

func bug(format string, args ...any) error {
	return &sweep.FailureError{Failure: sweep.Failure{Class: sweep.FailBug, Message: fmt.Sprintf(format, args...)}}
}
