package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// small is a training of 200 steps with both losses and ten checkpoints: however fast
// the machine is, most of the training is left after the first.
const small = `apiVersion: tailsweep/v1
name: small
method: grid
seed: 1
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 200, batch: 32, lr: 1e-3, warmup_steps: 10, ema: 0.99, label_dropout: 0.1, seed: 1, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 5}
parameters:
  infonce.weight: {values: [0, 0.1]}
  alignment.weight: {values: [0.1]}
metrics:
  - {name: fid.tail, goal: minimize}
checkpoints: {every_steps: 20}
`

func writeSpec(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// train runs one training without a sweep and returns its output folder.
func train(t *testing.T, h *home, spec, seed string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	h.must(5*time.Minute, "train", spec, "--param", "infonce.weight=0.1", "--param", "alignment.weight=0.1", "--seed", seed, "--to", out)
	return out
}

// sameFile compares a file of two final checkpoints.
func sameFile(t *testing.T, name, a, b string) bool {
	t.Helper()
	read := func(dir string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, "step-0000000200", name))
		require.NoError(t, err)
		require.NotEmpty(t, data)
		return data
	}
	return bytes.Equal(read(a), read(b))
}

func TestTrainingIsExact(t *testing.T) {
	h := newHome(t)
	spec := writeSpec(t, small)
	first := train(t, h, spec, "1")

	t.Run("same seed", func(t *testing.T) {
		again := train(t, h, spec, "1")
		for _, name := range []string{"model.safetensors", "curve.jsonl"} {
			require.Truef(t, sameFile(t, name, first, again), "%s differs between two runs with one seed", name)
		}
	})
	t.Run("other seed", func(t *testing.T) {
		other := train(t, h, spec, "2")
		require.False(t, sameFile(t, "model.safetensors", first, other), "two seeds gave the same weights")
	})
	t.Run("kill and resume", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "run")
		args := []string{"train", spec, "--param", "infonce.weight=0.1", "--param", "alignment.weight=0.1", "--seed", "1", "--to", out}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		killed := h.command(ctx, args...)
		require.NoError(t, killed.Start())
		checkpoints := func() []string {
			manifests, err := filepath.Glob(filepath.Join(out, "step-*", "MANIFEST.json"))
			require.NoError(t, err)
			return manifests // in the order of steps
		}
		eventuallyEvery(t, time.Millisecond, 4*time.Minute, "a checkpoint", func() bool { return len(checkpoints()) > 0 })
		require.NoError(t, killed.Process.Kill())
		require.Error(t, killed.Wait(), "the training had ended before it could be killed")
		require.NoDirExists(t, filepath.Join(out, "step-0000000200"), "the training had ended before it could be killed")

		left := checkpoints()
		h.must(5*time.Minute, append(args, "--resume", filepath.Dir(left[len(left)-1]))...)
		for _, name := range []string{"model.safetensors", "curve.jsonl", "state/state.safetensors"} {
			require.Truef(t, sameFile(t, name, first, out), "%s differs after a kill and a resume", name)
		}
	})
}
