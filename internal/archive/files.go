package archive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// PutGrid implements activities.Records.
func (a *Archive) PutGrid(ctx context.Context, sweepName string, trial int, path string) (string, error) {
	key, err := trialKey(sweepName, trial, "grid.png")
	if err != nil {
		return "", err
	}
	return key, refusal(a.putFile(ctx, key, path))
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

// Curve returns the loss curve of the trial's final checkpoint, a job.Point a
// line, or an error that wraps store.ErrNotFound when retention removed it.
func (a *Archive) Curve(ctx context.Context, t sweep.Trial) ([]byte, error) {
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
