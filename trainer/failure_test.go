package trainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

func TestFailuresHaveAClass(t *testing.T) {
	b := openBackend(t, backend.Go)
	corrupt := func(t *testing.T) job.Train {
		j := tiny(t)
		j.Spec.Train.Steps = 1
		train(t, b, j, nil)
		dir := filepath.Join(j.Staging, checkpoint.DirName(1))
		path := filepath.Join(dir, filepath.FromSlash(stateTensors))
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		data[len(data)-1] ^= 1
		require.NoError(t, os.WriteFile(path, data, 0o600))
		j.Resume, j.Spec.Train.Steps = dir, 8
		return j
	}
	broken := errors.New("the pipe broke")
	for name, c := range map[string]struct {
		job    func(t *testing.T) job.Train
		events func(job.Event) error
		class  sweep.FailureClass
		text   string
	}{
		"unknown dataset": {func(t *testing.T) job.Train { j := tiny(t); j.Spec.Dataset.Name = "cifar"; return j }, nil, sweep.FailBadData, "cifar"},
		"no dataset folder": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Spec.Dataset.Name, j.Spec.Dataset.Path = sweep.FashionMNIST, "/nowhere"
			return j
		}, nil, sweep.FailBadData, "dataset.path: "},
		"unknown parameter": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Assignment.Params["x"] = sweep.Number(1)
			return j
		}, nil, sweep.FailBadData, `"x"`},
		"model that cannot be": {func(t *testing.T) job.Train { j := tiny(t); j.Spec.Model.Arch = "gan"; return j }, nil, sweep.FailBadData, "unet or dit"},
		"bfloat16 on go":       {func(t *testing.T) job.Train { j := tiny(t); j.Spec.Train.Precision = sweep.PrecisionBF16; return j }, nil, sweep.FailBadData, "train.precision = bf16 needs backend xla:cuda or xla:cpu"},
		"full disk": {tiny, func(job.Event) error {
			return fmt.Errorf("write: %w", &os.PathError{Op: "write", Path: "model.safetensors", Err: syscall.ENOSPC})
		}, sweep.FailEnvironment, "no space left"},
		"checkpoint of other parameters": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Spec.Train.Steps = 1
			train(t, b, j, nil)
			j.Resume = filepath.Join(j.Staging, checkpoint.DirName(1))
			j.Assignment.Params = sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0.3)}
			return j
		}, nil, sweep.FailBadData, "parameters.infonce.weight is 0.1 there, 0.3 here"},
		"checkpoint of another model": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Spec.Train.Steps = 1
			train(t, b, j, nil)
			j.Resume, j.Spec.Model.Width = filepath.Join(j.Staging, checkpoint.DirName(1)), 8
			return j
		}, nil, sweep.FailBadData, "another training: model.width is 4 there, 8 here"},
		"checkpoint beyond the end": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Spec.Train.Steps = 2
			train(t, b, j, nil)
			j.Resume, j.Spec.Train.Steps = filepath.Join(j.Staging, checkpoint.DirName(2)), 1
			return j
		}, nil, sweep.FailBadData, "the checkpoint is of step 2 and train.steps is 1"},
		"corrupt checkpoint": {corrupt, nil, sweep.FailTransient, "state.safetensors"},
		"no such checkpoint": {func(t *testing.T) job.Train { j := tiny(t); j.Resume = "/nowhere"; return j }, nil, "", "/nowhere"},
		"staging is a file": {func(t *testing.T) job.Train {
			j := tiny(t)
			j.Staging = filepath.Join(j.Staging, "f")
			require.NoError(t, os.WriteFile(j.Staging, nil, 0o600))
			return j
		}, nil, sweep.FailBug, "not a directory"},
		"nobody listens": {tiny, func(job.Event) error { return broken }, sweep.FailBug, "pipe"},
		"a panic":        {tiny, func(job.Event) error { panic("graph") }, sweep.FailBug, "panic: graph"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.events == nil {
				c.events = func(job.Event) error { return nil }
			}
			err := Train(t.Context(), c.job(t), Options{Backend: b, Events: c.events})
			var failed *sweep.FailureError
			require.ErrorAs(t, err, &failed)
			if c.class != "" {
				require.Equal(t, c.class, failed.Class)
			}
			require.Contains(t, failed.Message, c.text)
			require.NotContains(t, failed.Message, string(failed.Class)+": ", "the class is a separate field")
		})
	}
	for text, class := range map[string]sweep.FailureClass{
		"RESOURCE_EXHAUSTED: Out of memory allocating 123 bytes": sweep.FailOutOfMemory,
		"CUDA_ERROR_OUT_OF_MEMORY":                               sweep.FailOutOfMemory,
		"INTERNAL: something else":                               sweep.FailBug,
	} {
		var failed *sweep.FailureError
		require.ErrorAs(t, classify(errors.New(text)), &failed)
		require.Equal(t, class, failed.Class, text)
	}
}
