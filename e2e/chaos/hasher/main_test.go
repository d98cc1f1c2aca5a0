package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// trained runs a training from a checkpoint ("" begins) to a step, and returns the folder of
// its last checkpoint.
func trained(t *testing.T, seed int64, resume string, until int, drain <-chan struct{}) string {
	t.Helper()
	j := job.Train{TrainJob: sweep.TrainJob{
		Task: sweep.Task{
			Spec:       sweep.Spec{Name: "s", Train: sweep.Train{Steps: 6, LogEvery: 2}, Checkpoints: sweep.Checkpoints{EverySteps: 4}},
			Assignment: sweep.Assignment{Params: sweep.Params{"lr": sweep.Number(0.01)}, Seed: seed}, Attempt: 1,
		},
		Until: until, Staging: t.TempDir(), Resume: resume,
	}}
	file := filepath.Join(t.TempDir(), "job.json")
	data, err := json.Marshal(j)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o600))
	dir := ""
	require.NoError(t, train(file, job.Child{Drain: drain, Emit: func(e job.Event) error {
		if e.Type == job.Checkpoint {
			dir = e.Dir
		}
		return nil
	}}))
	return dir
}

// files reads the digests of a checkpoint.
func files(t *testing.T, dir string) []checkpoint.File {
	t.Helper()
	m, err := checkpoint.Verify(dir)
	require.NoError(t, err)
	return m.Files
}

func TestAResumedTrainingGivesTheSameWeightsAndCurve(t *testing.T) {
	want := files(t, trained(t, 1, "", 0, nil))
	for _, from := range []int{1, 4, 5} {
		require.Equal(t, want, files(t, trained(t, 1, trained(t, 1, "", from, nil), 0, nil)), "resumed from step %d", from)
	}
	require.NotEqual(t, want, files(t, trained(t, 2, "", 0, nil)), "of another seed")
	require.NotEqual(t, want, files(t, trained(t, 1, "", 5, nil)), "of fewer steps")
}
