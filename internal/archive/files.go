package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// PutGrid implements activities.Records.
func (a *Archive) PutGrid(ctx context.Context, sweepName string, trial int, path string) (string, error) {
	key, err := trialKey(sweepName, trial, "grid.png")
	if err != nil {
		return "", err
	}
	return key, a.putFile(ctx, key, path)
}

// Grid returns the trial's sample grid, a PNG, or an error that wraps
// store.ErrNotFound.
func (a *Archive) Grid(ctx context.Context, sweepName string, trial int) ([]byte, error) {
	key, err := trialKey(sweepName, trial, "grid.png")
	if err != nil {
		return nil, err
	}
	data, _, err := a.read(ctx, key, maxGrid)
	return data, err
}

// KeepCurve implements activities.Checkpoints.
func (a *Archive) KeepCurve(ctx context.Context, key string) error {
	id, err := parseCheckpointKey(key)
	if err != nil {
		return err
	}
	kept, err := attemptKey(id.sweep, id.trial, id.attempt, checkpoint.CurveName)
	if err != nil {
		return err
	}
	curve, _, err := a.read(ctx, key+"/"+checkpoint.CurveName, maxCurve)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.store.Put(ctx, kept, bytes.NewReader(curve), int64(len(curve)))
}

// Curve returns the trial's loss curve, a job.Point a line: the one that was kept
// when it was published, which may be of an attempt before its last, else its
// checkpoint's. Without either the error wraps store.ErrNotFound.
func (a *Archive) Curve(ctx context.Context, sweepName string, t sweep.Trial) ([]byte, error) {
	for attempt := t.Attempts; attempt >= 1; attempt-- {
		key, err := attemptKey(sweepName, t.Number, attempt, checkpoint.CurveName)
		if err != nil {
			return nil, err
		}
		data, _, err := a.read(ctx, key, maxCurve)
		if !errors.Is(err, store.ErrNotFound) {
			return data, err
		}
	}
	if t.Checkpoint == "" {
		return nil, fmt.Errorf("archive: loss curve of trial %d of %s: %w", t.Number, sweepName, store.ErrNotFound)
	}
	if _, err := parseCheckpointKey(t.Checkpoint); err != nil {
		return nil, err
	}
	data, _, err := a.read(ctx, t.Checkpoint+"/"+checkpoint.CurveName, maxCurve)
	return data, err
}

// PutLog implements activities.Records.
func (a *Archive) PutLog(ctx context.Context, sweepName string, trial, attempt int, path string) error {
	key, err := attemptKey(sweepName, trial, attempt, logName)
	if err != nil {
		return err
	}
	return a.putFile(ctx, key, path)
}

const logName = "log.txt"

// Log opens the output of an attempt, or returns an error that wraps
// store.ErrNotFound. The caller closes it.
func (a *Archive) Log(ctx context.Context, sweepName string, trial, attempt int) (io.ReadCloser, error) {
	key, err := attemptKey(sweepName, trial, attempt, logName)
	if err != nil {
		return nil, err
	}
	r, _, err := a.store.Get(ctx, key)
	return r, err
}

// Attempts returns the numbers of the trial's attempts that left a log, in order.
func (a *Archive) Attempts(ctx context.Context, sweepName string, trial int) ([]int, error) {
	prefix, err := trialKey(sweepName, trial, "attempts/")
	if err != nil {
		return nil, err
	}
	var attempts []int
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		rest, isLog := strings.CutSuffix(strings.TrimPrefix(info.Key, prefix), "/"+logName)
		var n int
		if _, err := fmt.Sscanf(rest, "%d", &n); isLog && err == nil && fmt.Sprint(n) == rest {
			attempts = append(attempts, n)
		}
	}
	slices.Sort(attempts)
	return attempts, nil
}
