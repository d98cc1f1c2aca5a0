package specfile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestPresets(t *testing.T) {
	for name, lines := range map[string][]string{
		"unet-released": {"dataset: {name: fashion-mnist-10k, size: 16}"}, "unet-small-28": nil,
		"unet-small-32": {"dataset: {name: fashion-mnist-10k, size: 16}"}, "dit-s2": nil, "dit-small": nil,
	} {
		got := mustParse(t, spectest.With(append(lines, "model: {preset: "+name+"}")...))
		want, ok := preset(name)
		require.True(t, ok)
		require.Equal(t, want, got.Model, name)
		require.NotEmpty(t, got.Model.Layers())
	}
	released := []string{"dataset: {name: fashion-mnist-10k, size: 16}"}
	require.Equal(t, sweep.FlipHorizontal, mustParse(t, spectest.With(append(released, "model: {preset: unet-released}")...)).Train.Flip, "as the released code")
	require.Empty(t, mustParse(t, spectest.With(append(released, "model: {preset: unet-released}", "train: {steps: 10, flip: none}")...)).Train.Flip)
	require.Empty(t, mustParse(t, spectest.With(append(released, "train: {steps: 10, flip: none}")...)).Train.Flip)
	got := mustParse(t, spectest.With(append(released, "model: {preset: unet-released, width: 64, attention: [], dropout: 0}")...)).Model
	require.Equal(t, 64, got.Width)
	require.Zero(t, len(got.Attention)+int(got.Dropout))
	require.Equal(t, []int{1, 2, 2, 2}, got.Mult)

	a := mustParse(t, spectest.With("model: {preset: unet-small-28}"))
	b := mustParse(t, spectest.With("model: {arch: unet, width: 32, depth: 1, mult: [1, 2, 2]}"))
	require.Equal(t, a.Digest(), b.Digest(), "a preset is a short form")
}

// A spec that states a default is the same spec as one that leaves it out.
func TestStatedDefaultsChangeNothing(t *testing.T) {
	plain := mustParse(t, spectest.Base)
	stated := mustParse(t, spectest.With(
		"model: {arch: unet, mult: [1, 2, 2], dropout: 0, attention: []}", "evaluate: {samples_per_class: 100, sampler: ddim}",
		"train: {steps: 600, schedule: linear, prediction: eps, label_dropout_mode: sample, clip_norm: 1, weight_decay: 0}"))
	require.Equal(t, plain.Digest(), stated.Digest())
	ddpm := mustParse(t, spectest.With("evaluate: {sampler: ddpm}"))
	require.Equal(t, 1000, ddpm.Evaluate.Steps())
	require.Equal(t, 50, plain.Evaluate.Steps())
	require.Equal(t, 250, mustParse(t, spectest.With("evaluate: {sampler: ddpm, ddpm_steps: 250}")).Evaluate.Steps())
}
