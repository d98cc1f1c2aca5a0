package specfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// sameWritten checks that a spec means the same after it was written, as YAML and as JSON.
func sameWritten(t *testing.T, spec *sweep.Spec) {
	t.Helper()
	text, err := Written(spec)
	require.NoError(t, err)
	again, err := Parse("written.yaml", text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, spec.Digest(), again.Digest(), "%s", text)
	changed, fixed := conduct.Edited(spec, again)
	require.Empty(t, append(changed, fixed...), "%s", text)
	var stored sweep.Spec // as a workflow has it
	data, err := json.Marshal(spec)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &stored))
	changed, fixed = conduct.Edited(&stored, again)
	require.Empty(t, append(changed, fixed...), "%s", text)
	require.Equal(t, spec.Digest(), stored.Digest())
	data, err = WrittenJSON(spec)
	require.NoError(t, err)
	again, err = Parse("written.json", data)
	require.NoError(t, err, "%s", data)
	require.Equal(t, spec.Digest(), again.Digest(), "%s", data)
}

func TestExamplesAreTheSameOnceWritten(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		spec, err := Parse(file, data)
		require.NoError(t, err)
		sameWritten(t, spec)
	}
}

// Fields that are 0 or empty are written where the default is another value, and left out
// where 0 is not valid.
func TestZerosOnceWritten(t *testing.T) {
	for _, lines := range [][]string{
		{"parameters: {infonce.weight: {min: 0, max: 0.5}}"},
		{"parameters: {infonce.weight: {distribution: normal, mu: 0, sigma: 0.2}}"},
		{"parameters: {lr: {distribution: log_normal, mu: 0, sigma: 1}}"},
		{"model: {preset: unet-released, mult: [1, 2], attention: [], dropout: 0}"},
		{"model: {arch: unet, width: 16, depth: 1, attention: [], dropout: 0}"},
		{"model: {arch: unet, width: 16, depth: 1}"},
		{"model: {arch: dit, width: 64}"},
		{"points: []", "constraints: []", "from: []", "gates: {}", "generate: {gates: [], attempts: 3}"},
		{"gates: {min_label_accuracy: 0, max_memorised_ratio: 0}", "seed: 0", "max_restarts: 0"},
		{"train: {steps: 300, warmup_steps: 0, ema: 0, label_dropout: 0, weight_decay: 0, seed: 0}", "evaluate: {samples_per_class: 60, cas: false, seed: 0, guidance: [0]}"},
		{"train: {steps: 300, label_dropout_mode: batch, schedule: cosine, prediction: v, weight_decay: 0.1, clip_norm: 2}", "dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: step, order: permuted, seed: 0}, groups: {by: names, head: [], medium: [], tail: [\"7\", \"8\", \"9\"]}}"},
		{"dataset: {name: fashion-mnist-10k, size: 16, groups: {by: shots}}", "max_trial_time: 90m", "budget: {run_cap: 4, gpu_hours: 1.5, wall_clock: 12h}", "resources: {queue: big, priority: 1}", "description: words", "checkpoints: {every_steps: 10, save_sweep_best: 2}"},
		{"early_terminate: {type: asha, min_iter: 1}", "checkpoints: {every_steps: 1}"},
		{"early_terminate: {type: median, min_iter: 1}", "checkpoints: {every_steps: 1}"},
		{"evaluate: {samples_per_class: 60, sampler: ddpm}"},
		{"parameters: {guidance: {min: 0, max: 4}}"},
		{"parameters: {guidance: {min: 0, max: 4}}", "early_terminate: {type: asha, min_iter: 1}", "checkpoints: {every_steps: 1}", "evaluate: {samples_per_class: 60, rung: {samples_per_class: 50}}"},
	} {
		spec, err := Parse("zeros.yaml", []byte(spectest.With(lines...)))
		require.NoError(t, err, lines)
		sameWritten(t, spec)
	}
}

func TestTheSearchedSpecOnceWritten(t *testing.T) {
	spec, err := Parse("searched.yaml", []byte(spectest.Searched))
	require.NoError(t, err)
	sameWritten(t, spec)
}
