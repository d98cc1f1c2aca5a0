package evaluate

import (
	"context"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// tinySpec is a sweep whose trials train and sample in a moment.
func tinySpec() sweep.Spec {
	return sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "tiny", Method: sweep.MethodGrid, Dataset: longTail,
		Model:       sweep.Model{Arch: "dit", Width: 8, Depth: 1, Patch: 8, Heads: 1},
		Train:       spectest.Train(sweep.Train{Steps: 10, Batch: 20, LR: 0.05, EMA: 0.9, Seed: 1, LogEvery: 1}),
		Evaluate:    sweep.Evaluate{SamplesPerClass: 13, Guidance: []float64{0, 1, 4}, Sampler: sweep.SamplerDDIM, DDIMSteps: 2, Seed: 3},
		Metrics:     []sweep.Objective{{Name: "fid.all", Goal: sweep.Minimize}},
		Checkpoints: sweep.Checkpoints{EverySteps: 10},
	}
}

// train returns the checkpoint folder of a tiny training at a rate at which
// samples soon depend on the label.
func train(t *testing.T) string {
	t.Helper()
	var dir string
	j := job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: tinySpec(), Assignment: sweep.Assignment{Kind: sweep.KindSearch, Seed: 1}}, Staging: t.TempDir()}}
	err := trainer.Train(context.Background(), j, trainer.Options{Backend: openGo(t), Events: func(e job.Event) error {
		if e.Type == job.Checkpoint {
			dir = e.Dir
		}
		return nil
	}})
	require.NoError(t, err)
	require.NotEmpty(t, dir)
	return dir
}

// evaluateAs evaluates the checkpoint in dir as spec says.
func evaluateAs(t *testing.T, dir string, spec sweep.Spec, progress func(done int) error) (*Result, error) {
	t.Helper()
	m, err := Open(openGo(t), dir)
	require.NoError(t, err)
	defer m.Close()
	m.Spec = spec
	if progress == nil {
		progress = func(int) error { return nil }
	}
	return openEvaluator(t).evaluate(context.Background(), m, describe(t, spec.Dataset), spec.Evaluate.Guidance, progress)
}

func TestEvaluatorTakesTheBestGuidance(t *testing.T) {
	dir := train(t)
	fids, images := map[float64]float64{}, map[float64][]float32{}
	for _, w := range []float64{0, 1, 4} {
		spec := tinySpec()
		spec.Evaluate.Guidance = []float64{w}
		r, err := evaluateAs(t, dir, spec, nil)
		require.NoError(t, err)
		require.Equal(t, w, r.Guidance)
		fids[w], images[w] = r.Metrics["fid.all"], r.images
		require.Equal(t, perClass, r.Real)
	}
	lowest, highest := 0.0, 0.0
	for w, fid := range fids {
		if fid < fids[lowest] {
			lowest = w
		}
		if fid > fids[highest] {
			highest = w
		}
	}
	require.Less(t, fids[lowest], fids[highest], "else this test shows nothing")

	spec := tinySpec()
	var last int
	r, err := evaluateAs(t, dir, spec, func(done int) error {
		require.Greater(t, done, last)
		last = done
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, lowest, r.Guidance)
	require.Equal(t, images[lowest], r.images, "the same noise each time")
	require.NotEqual(t, fids[lowest], r.Metrics["fid.all"], "against the half that the scale was not chosen on")
	require.Equal(t, perClass/2, r.Real)
	require.Equal(t, 4*130, last, "samples to choose by at each scale, and those reported")
	require.Contains(t, r.StandardError, "kid.tail")
	require.NotContains(t, r.Metrics, "cas.all", "nobody asked for a training")
	require.NotContains(t, r.Metrics, "fid.head", "39 samples")
	require.Contains(t, r.Floor, "fid.head")
	require.Positive(t, r.FloorError["fid.head"])

	spec.Metrics = []sweep.Objective{{Name: "loss", Goal: sweep.Minimize}, {Name: "fid.all", Goal: sweep.Maximize}}
	r, err = evaluateAs(t, dir, spec, nil)
	require.NoError(t, err)
	require.NotEqual(t, lowest, r.Guidance, "the first metric that an evaluation measures, and its goal")
}

func TestEvaluationEndsWithTheErrorOfProgress(t *testing.T) {
	gone := errors.New("nobody listens")
	_, err := evaluateAs(t, train(t), tinySpec(), func(int) error { return gone })
	require.ErrorIs(t, err, gone)
}

func TestBetter(t *testing.T) {
	least, most := sweep.Objective{Name: "m", Goal: sweep.Minimize}, sweep.Objective{Name: "m", Goal: sweep.Maximize}
	one, two, none := map[string]float64{"m": 1}, map[string]float64{"m": 2}, map[string]float64{}
	require.True(t, better(least, one, two))
	require.False(t, better(least, two, one))
	require.True(t, better(most, two, one))
	require.False(t, better(least, one, one), "the first of equals stays")
	require.True(t, better(least, two, none))
	require.False(t, better(least, none, two))
}

// TestRun goes the whole way of a child: it trains a few steps, evaluates the
// checkpoint against the 10,000 real images, and damages it.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at 10,000 images")
	}
	dir := train(t)
	spec := tinySpec()
	spec.Evaluate.Guidance = []float64{1}
	out := t.TempDir()
	j := job.Evaluate{EvaluateJob: sweep.EvaluateJob{Task: sweep.Task{Spec: spec, Assignment: sweep.Assignment{Kind: sweep.KindSearch, Seed: 1}}, Checkpoint: dir, Output: out}, Backend: backend.Go}
	moved := 0
	run := func() (types []job.Type, last job.Event, err error) {
		err = Run(context.Background(), j, func(e job.Event) error {
			if e.Type == job.Progress {
				require.Greater(t, e.Step, moved, "each report shows progress")
				require.Equal(t, 10_000+130, e.Steps)
				moved = e.Step
				return nil
			}
			types, last = append(types, e.Type), e
			return nil
		}, t.Logf)
		return types, last, err
	}
	types, last, err := run()
	require.NoError(t, err)
	require.Equal(t, []job.Type{job.Started, job.Compiling, job.Result}, types)
	require.Equal(t, 10_000+130, moved)
	require.Equal(t, 1.0, last.Guidance)
	require.Equal(t, filepath.Join(out, GridName), last.Grid)
	require.Contains(t, last.Metrics, "fid.all")
	require.Contains(t, last.Metrics, "label_accuracy.tail")
	require.Positive(t, last.Floor["fid.tail"])
	require.Len(t, last.Features, 64, "a SHA-256 in hexadecimal")
	f, err := os.Open(last.Grid)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // read only
	_, err = png.Decode(f)
	require.NoError(t, err)

	weights := filepath.Join(dir, checkpoint.ModelName)
	data, err := os.ReadFile(weights)
	require.NoError(t, err)
	data[len(data)-1] ^= 1
	require.NoError(t, os.WriteFile(weights, data, 0o600))
	_, _, err = run()
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailTransient, failure.Class, "another copy may be whole")

	j.Backend = "abacus"
	_, _, err = run()
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailEnvironment, failure.Class)
	require.ErrorContains(t, err, "abacus")
}
