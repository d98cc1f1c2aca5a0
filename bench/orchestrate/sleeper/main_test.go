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

// task is a trial of two steps.
func task() sweep.Task {
	return sweep.Task{
		Spec:       sweep.Spec{Name: "s", Train: sweep.Train{Steps: 2}, Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}},
		Assignment: sweep.Assignment{Number: 7, Params: sweep.Params{"lr": sweep.Number(0.01)}}, Attempt: 1,
	}
}

// do runs work on a job and returns its events.
func do(t *testing.T, work func(string, job.Child) error, j any, drain <-chan struct{}) []job.Event {
	t.Helper()
	file := filepath.Join(t.TempDir(), "job.json")
	data, err := json.Marshal(j)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o600))
	var events []job.Event
	require.NoError(t, work(file, job.Child{Drain: drain, Emit: func(e job.Event) error { events = append(events, e); return nil }}))
	return events
}

func TestATrialIsTrainedAndEvaluated(t *testing.T) {
	dir := t.TempDir()
	events := do(t, train, job.Train{TrainJob: sweep.TrainJob{Task: task(), Staging: dir}}, nil)
	require.Len(t, events, 3)
	require.Equal(t, []job.Type{job.Started, job.Checkpoint, job.Done}, []job.Type{events[0].Type, events[1].Type, events[2].Type})
	require.Equal(t, 2, events[2].Step)
	m, err := checkpoint.Verify(events[1].Dir)
	require.NoError(t, err)
	require.Equal(t, []any{"s", 7, 1, 2}, []any{m.Sweep, m.Trial, m.Attempt, m.Step})

	out := t.TempDir()
	events = do(t, evaluate, job.Evaluate{EvaluateJob: sweep.EvaluateJob{Task: task(), Checkpoint: events[1].Dir, Output: out}}, nil)
	require.Len(t, events, 1)
	require.Equal(t, job.Result, events[0].Type)
	require.InDelta(t, 2, events[0].Metrics["fid.tail"], 1e-9, "lr is one order of magnitude from the best")
	require.FileExists(t, events[0].Grid)
}

func TestADrainedTrainingKeepsItsSteps(t *testing.T) {
	j := job.Train{TrainJob: sweep.TrainJob{Task: task(), Staging: t.TempDir()}}
	j.Spec.Train.Steps = 1_000_000_000
	drain := make(chan struct{})
	close(drain)
	events := do(t, train, j, drain)
	last := events[len(events)-1]
	require.Equal(t, job.Preempted, last.Type)
	require.Less(t, last.Step, j.Spec.Train.Steps)
	m, err := checkpoint.Verify(events[1].Dir)
	require.NoError(t, err)
	require.Equal(t, last.Step, m.Step)
}
