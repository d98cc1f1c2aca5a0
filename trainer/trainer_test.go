package trainer

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// tiny is a job of 8 steps of a small model, with both losses, label dropout and
// EMA on, and points of the curve that a checkpoint falls between.
func tiny(t *testing.T) job.Train {
	t.Helper()
	return job.Train{
		TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: sweep.Spec{
			APIVersion: sweep.APIVersion, Name: "tiny",
			Dataset:     sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}},
			Model:       sweep.Model{Arch: "unet", Width: 4, Depth: 1, Mult: []int{1, 2, 2}},
			Train:       spectest.Train(sweep.Train{Steps: 8, Batch: 4, LR: 1e-2, WarmupSteps: 3, EMA: 0.9, LabelDropout: 0.3, Seed: 1, LogEvery: 3}),
			Evaluate:    sweep.Evaluate{SamplesPerClass: 1, Guidance: []float64{1}, Sampler: sweep.SamplerDDIM, DDIMSteps: 3, Seed: 5},
			Checkpoints: sweep.Checkpoints{EverySteps: 4},
		}, Assignment: sweep.Assignment{Number: 3, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{
			sweep.ParamInfonceWeight: sweep.Number(0.1), sweep.ParamAlignmentWeight: sweep.Number(0.2),
		}}, Attempt: 1}, Staging: t.TempDir()},
		Backend: backend.Go,
	}
}

// train runs a job on an open backend and returns its events.
func train(t *testing.T, b *backend.Backend, j job.Train, drain <-chan struct{}) []job.Event {
	t.Helper()
	var events []job.Event
	err := Train(t.Context(), j, Options{Backend: b, Drain: drain, Events: func(e job.Event) error {
		events = append(events, e)
		return nil
	}})
	require.NoError(t, err)
	return events
}

func openBackend(t *testing.T, name string) *backend.Backend {
	t.Helper()
	if _, ok := backend.Installed(backend.CPU); name == backend.XLACPU && (!ok || !backend.HasXLA) {
		t.Skip("XLA's CPU plugin is not installed (tailsweep backend install) or this build has no cgo")
	}
	b, err := backend.Open(name)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// contents are the files of the checkpoint of a step, but for the manifest, which
// has the time.
func contents(t *testing.T, j job.Train, step int) map[string]string {
	t.Helper()
	dir := filepath.Join(j.Staging, checkpoint.DirName(step))
	m, err := checkpoint.Verify(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range m.Files {
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		require.NoError(t, err)
		files[f.Path] = string(data)
	}
	require.Len(t, files, 4)
	return files
}

// same compares files without printing megabytes.
func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for path := range want {
		require.True(t, want[path] == got[path], "%s differs", path)
	}
}

func TestEventsOfATraining(t *testing.T) {
	j := tiny(t)
	events := train(t, openBackend(t, backend.Go), j, nil)
	var types []job.Type
	var steps, saved []int
	for _, e := range events {
		if e.Type == job.Progress && e.Point == nil {
			continue // a sign of life, on a slow machine
		}
		if e.Type == job.Checkpoint {
			saved = append(saved, e.Step) // when it is complete
			continue
		}
		types, steps = append(types, e.Type), append(steps, e.Step)
	}
	require.Equal(t, []job.Type{job.Opened, job.Started, job.Compiling, job.Progress, job.Progress, job.Progress, job.Done}, types)
	require.Equal(t, []int{0, 0, 0, 3, 6, 8, 8}, steps, "the last point is of the two steps that are left")
	require.Equal(t, []int{4, 8}, saved)
	for _, e := range events[:2] {
		require.Equal(t, backend.Go, e.Backend)
		require.NotEmpty(t, e.Device)
	}
	require.Equal(t, 8, events[1].Steps)

	var points []sweep.CurvePoint
	for _, e := range events {
		if e.Point != nil {
			require.Greater(t, e.Memory, int64(10<<20), "of this process")
			points = append(points, *e.Point)
			// The terms are means over the same steps, so they add up.
			require.InDelta(t, e.Point.Loss, e.Point.DDPM+0.1*e.Point.Terms[sweep.TermInfoNCE]+0.2*e.Point.Terms[sweep.TermAlignment], 1e-5)
		}
	}
	last := events[len(events)-1]
	require.Equal(t, points[0].Loss, *last.LossFirst)
	require.Equal(t, points[2].Loss, *last.LossLast)
	require.InDelta(t, 1, points[0].DDPM, 0.3, "a new net predicts no noise")

	files := contents(t, j, 8)
	curve, err := jsonl.DecodeAll[sweep.CurvePoint](strings.NewReader(files[checkpoint.CurveName]), 1<<20)
	require.NoError(t, err)
	require.Equal(t, points, curve)
	m, err := checkpoint.Verify(filepath.Join(j.Staging, checkpoint.DirName(8)))
	require.NoError(t, err)
	require.Equal(t, "tiny", m.Sweep)
	require.Equal(t, 3, m.Trial)
	require.Equal(t, backend.Go, m.Provenance.Backend)
	require.Equal(t, j.Spec.Digest(), m.Provenance.SpecDigest)
	require.NotEmpty(t, m.Provenance.DatasetDigest)
}

// A run that was stopped and continues from a checkpoint equals the one that was
// not: weights, optimizer, EMA and curve.
func TestResumeIsBitForBit(t *testing.T) {
	b := openBackend(t, backend.Go)
	whole := tiny(t)
	train(t, b, whole, nil)
	want := contents(t, whole, 8)

	t.Run("from a checkpoint", func(t *testing.T) {
		rest := tiny(t)
		rest.Resume = filepath.Join(whole.Staging, checkpoint.DirName(4))
		rest.Parent = "key/of/it"
		events := train(t, b, rest, nil)
		require.Equal(t, 4, events[1].Step)
		same(t, want, contents(t, rest, 8))
		m, err := checkpoint.Verify(filepath.Join(rest.Staging, checkpoint.DirName(8)))
		require.NoError(t, err)
		require.Equal(t, "key/of/it", m.Provenance.Parent)
	})
	t.Run("after a kill", func(t *testing.T) {
		killed := tiny(t)
		ctx, kill := context.WithCancel(t.Context())
		err := Train(ctx, killed, Options{Backend: b, Events: func(e job.Event) error {
			if e.Step == 6 {
				kill()
			}
			return nil
		}})
		require.ErrorIs(t, err, context.Canceled)
		_, err = os.Stat(filepath.Join(killed.Staging, checkpoint.DirName(8)))
		require.ErrorIs(t, err, os.ErrNotExist)
		killed.Resume = filepath.Join(killed.Staging, checkpoint.DirName(4))
		train(t, b, killed, nil)
		same(t, want, contents(t, killed, 8))
	})
	t.Run("after a drain", func(t *testing.T) {
		drained := tiny(t)
		drain := make(chan struct{})
		var last job.Event
		err := Train(t.Context(), drained, Options{Backend: b, Drain: drain, Events: func(e job.Event) error {
			if e.Type == job.Progress && e.Step == 3 {
				close(drain)
			}
			last = e
			return nil
		}})
		require.NoError(t, err)
		require.Equal(t, job.Preempted, last.Type)
		require.Equal(t, 3, last.Step)
		drained.Resume = filepath.Join(drained.Staging, checkpoint.DirName(3))
		train(t, b, drained, nil)
		same(t, want, contents(t, drained, 8))
	})
	t.Run("from rung to rung", func(t *testing.T) {
		parts := tiny(t)
		for _, until := range []int{2, 4, 0} { // between two points of the curve and two checkpoints, at a checkpoint, the rest
			parts.Until = until
			events := train(t, b, parts, nil)
			last := events[len(events)-1]
			require.Equal(t, job.Done, last.Type)
			require.Equal(t, 8, last.Steps, "the training is as long as ever")
			if until == 0 {
				require.Equal(t, 8, last.Step)
				break
			}
			require.Equal(t, until, last.Step)
			require.Positive(t, *last.LossLast, "the loss of a rung, before the curve has a point")
			parts.Resume = filepath.Join(parts.Staging, checkpoint.DirName(until))
			for _, e := range train(t, b, parts, nil) {
				require.NotEqual(t, job.Checkpoint, e.Type, "what it resumes from is its checkpoint")
			}
		}
		same(t, want, contents(t, parts, 8))
	})
	t.Run("seeds", func(t *testing.T) {
		again := tiny(t)
		train(t, b, again, nil)
		same(t, want, contents(t, again, 8))

		other := tiny(t)
		other.Assignment.Seed = 2
		train(t, b, other, nil)
		got := contents(t, other, 8)
		require.False(t, want[checkpoint.ModelName] == got[checkpoint.ModelName])
		require.False(t, want[checkpoint.CurveName] == got[checkpoint.CurveName])
	})
}

// The same on XLA, where compiling takes most of the time: one model that
// compiles fast, twice.
func TestResumeIsBitForBitOnXLA(t *testing.T) {
	b := openBackend(t, backend.XLACPU)
	whole := tiny(t)
	whole.Spec.Model = sweep.Model{Arch: "dit", Width: 8, Depth: 1, Patch: 8, Heads: 1}
	train(t, b, whole, nil)
	rest := whole
	rest.Staging = t.TempDir()
	rest.Resume = filepath.Join(whole.Staging, checkpoint.DirName(4))
	train(t, b, rest, nil)
	same(t, contents(t, whole, 8), contents(t, rest, 8))
}

// Weights of zero train exactly what a trial without them trains.
func TestZeroWeightsTrainTheSame(t *testing.T) {
	b := openBackend(t, backend.Go)
	plain, zero := tiny(t), tiny(t)
	plain.Assignment.Params = sweep.Params{}
	zero.Assignment.Params = sweep.Params{
		sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0),
		sweep.ParamInfonceTemperature: sweep.Number(0.5), sweep.ParamAlignmentWindow: sweep.Number(0.5),
	}
	train(t, b, plain, nil)
	train(t, b, zero, nil)
	want, got := contents(t, plain, 8), contents(t, zero, 8)
	delete(want, checkpoint.ModelName) // its metadata has the parameters; the EMA follows the weights
	same(t, want, got)
}

func TestDivergedSavesNothing(t *testing.T) {
	b := openBackend(t, backend.Go)
	for name, c := range map[string]struct {
		lr    float64
		every int
	}{
		"loss, between checkpoints":   {1e38, 100},
		"loss, at each checkpoint":    {1e38, 1},
		"weights, with a finite loss": {1e39, 1}, // infinite in float32
	} {
		t.Run(name, func(t *testing.T) {
			j := tiny(t)
			j.Spec.Train.LR, j.Spec.Train.WarmupSteps, j.Spec.Train.LogEvery, j.Spec.Checkpoints.EverySteps = c.lr, 0, 1, c.every
			events := train(t, b, j, nil)
			last := events[len(events)-1]
			require.Equal(t, job.Diverged, last.Type)
			require.Less(t, last.Step, 8)
			require.InDelta(t, 1, *last.LossFirst, 0.5)
			for _, e := range events {
				_, err := json.Marshal(e)
				require.NoError(t, err, "an event has no word for NaN")
				if e.Type == job.Checkpoint {
					requireFinite(t, e.Dir)
				}
			}
		})
	}
}

func requireFinite(t *testing.T, dir string) {
	t.Helper()
	for _, content := range []string{checkpoint.ModelName, stateTensors} {
		tensors, _, err := checkpoint.ReadTensors(filepath.Join(dir, filepath.FromSlash(content)))
		require.NoError(t, err)
		for _, tensor := range tensors {
			values, err := tensor.Float32()
			require.NoError(t, err)
			for _, v := range values {
				require.True(t, v-v == 0, "%s has %v", tensor.Name, v)
			}
		}
	}
}

// The second of three warm-up steps moves weights by two thirds of the rate:
// Adam's ratio of moments is at most 1, and near it where a gradient stays.
func TestScheduleFollowsTheStep(t *testing.T) {
	j := tiny(t)
	j.Spec.Train.Steps, j.Spec.Checkpoints.EverySteps = 2, 1
	train(t, openBackend(t, backend.Go), j, nil)
	weights := func(step int) map[string][]float32 {
		all := map[string][]float32{}
		tensors, _, err := checkpoint.ReadTensors(filepath.Join(j.Staging, checkpoint.DirName(step), filepath.FromSlash(stateTensors)))
		require.NoError(t, err)
		for _, tensor := range tensors {
			if strings.HasPrefix(tensor.Name, "unet.") {
				all[tensor.Name], err = tensor.Float32()
				require.NoError(t, err)
			}
		}
		return all
	}
	before, after := weights(1), weights(2)
	require.NotEmpty(t, before)
	var largest float32
	for name := range before {
		for i := range before[name] {
			largest = max(largest, after[name][i]-before[name][i])
		}
	}
	require.InDelta(t, 2.0/3*j.Spec.Train.LR, largest, 0.05*j.Spec.Train.LR)
}
