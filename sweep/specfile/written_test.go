package specfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
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
	data, err := WrittenJSON(spec)
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
		{"model: {arch: dit, width: 64}"},
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
