package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// programSpec is a sweep of a program of the user without a dataset.
const programSpec = `apiVersion: tailsweep/v1
name: wine
method: tpe
seed: 3
trainer: {command: [python3, train.py], seconds_per_step: 0.5}
train: {steps: 100, seed: 1}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 1e-3, max: 1}
  class_weight: {values: [balanced, none]}
metrics: [{name: balanced_accuracy, goal: maximize}, {name: fit_seconds, goal: minimize}]
constraints: ["f1 >= baseline.f1 * 0.9"]
baseline: {params: {learning_rate: 0.1, class_weight: none}, seeds: [1, 2]}
budget: {run_cap: 22}
checkpoints: {every_steps: 50, save_sweep_best: 2}
`

// programs is a store with a finished sweep of programSpec. Its numbers mean nothing.
func programs(t *testing.T) store.Store {
	t.Helper()
	spec, err := specfile.Parse("wine.yaml", []byte(programSpec))
	require.NoError(t, err)
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	clitest.Begin(t, arc, spec, []byte(programSpec))
	rng := rand.New(rand.NewPCG(4, 2))
	var trials []sweep.Trial
	for i := range 24 {
		rate, kind := 0.001+0.9*rng.Float64(), sweep.KindSearch
		if i < 2 {
			rate, kind = 0.1, sweep.KindBaseline
		}
		trials = append(trials, sweep.Trial{
			Assignment: sweep.Assignment{
				Number: i, Kind: kind, Seed: int64(1 + i%2),
				Params: sweep.Params{"learning_rate": sweep.Number(rate), "class_weight": sweep.Word("none")},
				Reason: sweep.Reason{Sampler: "tpe"},
			},
			Status: sweep.StatusCompleted, Steps: 100, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.25)}, Attempts: 1, Backend: "program",
			Evaluation: sweep.Evaluation{
				Metrics:       map[string]float64{"balanced_accuracy": 0.9 - rate/3 + 0.01*rng.NormFloat64(), "fit_seconds": 3 + rate, "f1": 0.5, "epochs": 7},
				StandardError: map[string]float64{"balanced_accuracy": 0.01},
			},
		})
	}
	failed := &trials[20]
	failed.Status, failed.Metrics, failed.LossLast = sweep.StatusFailed, nil, nil
	failed.Error = &sweep.Failure{Class: sweep.FailBug, Message: "the program ended with exit code 1 and without a last message; its last output:\nTraceback\nKeyError: 'class'"}
	require.NoError(t, arc.AppendSegment(t.Context(), "wine", 0, trials))
	return objects
}

// The views of a program's sweep have its own names, and no word of datasets, models, guidance,
// groups or samples.
func TestViewsOfAProgram(t *testing.T) {
	objects := programs(t)
	for _, c := range []struct {
		verb string
		has  []string
	}{
		{"trials wine", []string{"BALANCED_ACCURACY  FIT_SECONDS", "class_weight=none learning_rate=", "its last output: KeyError: 'class'"}},
		{"best wine", []string{"balanced_accuracy", " ± 0.02", "epochs                7", "f1 ", "100, by python3 train.py"}},
		{"pareto wine", []string{"BALANCED_ACCURACY", "hypervolume"}},
		{"importance wine", []string{"learning_rate"}},
		{"explain wine 3", []string{"tpe", "f1 >= baseline.f1 * 0.9"}},
		{"export wine -o csv", []string{"balanced_accuracy", "epochs", ",0.5,3.1,,100,"}},
	} {
		r := cmdline(t, objects, "", strings.Fields(c.verb)...)
		require.Equal(t, cli.ExitOK, r.Code, c.verb+r.Err)
		for _, has := range c.has {
			require.Contains(t, r.out, has, c.verb)
		}
		if strings.HasPrefix(c.verb, "export") { // its columns are those of every sweep
			continue
		}
		for _, not := range []string{"fid", "FID", "HEAD", "TAIL", "dataset", "image", "sample", "unet", "ddpm", "guidance"} {
			require.NotContains(t, r.out, not, c.verb)
		}
	}
	page := filepath.Join(t.TempDir(), "wine.html")
	r := cmdline(t, objects, "", "report", "wine", "--to", page)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(text), "<dt>Program</dt><dd>python3 train.py</dd>"))
}

func TestPlanOfAProgram(t *testing.T) {
	r := cmdline(t, nil, programSpec, "plan", "-")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Empty(t, r.Err, "the spec says how long a step takes: nothing is measured")
	require.Contains(t, r.out, "program      python3 train.py (json)\n")
	require.Contains(t, r.out, "about 50s a trial")
	for _, not := range []string{"samples", "model", "storage", "compilation", "memory"} {
		require.NotContains(t, r.out, not)
	}

	dir := t.TempDir()
	script := "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo step=$i loss=1; sleep 0.02; done; echo balanced_accuracy=1 fit_seconds=1 f1=1"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte(script), 0o600))
	spec := filepath.Join(dir, "spec.yaml")
	text := strings.Replace(programSpec, "{command: [python3, train.py], seconds_per_step: 0.5}", "{command: [sh, train.sh], files: [train.sh], protocol: plain}", 1)
	require.NoError(t, os.WriteFile(spec, []byte(text), 0o600))
	r = cmdline(t, nil, "", "plan", spec)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.Err, "running sh train.sh for at most 1m00s")
	require.Regexp(t, `time         about [2-9]s a trial`, r.out)
	r = cmdline(t, nil, "", "plan", spec, "--no-measure")
	require.Contains(t, r.out, "not estimated: nothing was measured")
	require.Equal(t, cli.ExitOK, cmdline(t, nil, "", "validate", spec).Code)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte("echo no such table; exit 1"), 0o600))
	r = cmdline(t, nil, "", "plan", spec)
	require.NotEqual(t, cli.ExitOK, r.Code)
	require.Contains(t, r.Err, "no such table")
	require.Contains(t, r.Err, "--no-measure")

	r = cmdline(t, nil, "", "data", "inspect", spec)
	require.Equal(t, cli.ExitUsage, r.Code, fmt.Sprint(r.out, r.Err))
	require.Contains(t, r.Err, "has no dataset")
}
