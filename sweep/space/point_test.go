package space_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/specfile/specfiletest"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestCheckPoint(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.With(`parameters:
  alignment.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  alignment.window: {min: 0.0, max: 0.8, when: "alignment.weight > 0"}
  alignment.exponent: {values: [0, 1], when: "alignment.window > 0.4"}
  batch: {min: 32, max: 64}
  lr: {value: 1e-3}`, "baseline: {params: {alignment.weight: 0, infonce.weight: 0, batch: 48}, seeds: [1, 2]}"))
	const (
		lr, batch, weight, window, exponent = "lr", "batch", "alignment.weight", "alignment.window", "alignment.exponent"
	)
	n := sweep.Number
	for _, c := range []struct {
		name   string
		params sweep.Params
		want   string // "" for a configuration of the space
	}{
		{"every parameter", sweep.Params{lr: n(1e-3), batch: n(32), weight: n(3), window: n(0.5), exponent: n(1)}, ""},
		{"false conditions", sweep.Params{lr: n(1e-3), batch: n(64), weight: n(0)}, ""},
		{"nothing", nil, "alignment.weight: is missing (valid: a number in [0.001, 3], or 0); batch: is missing (valid: an integer in [32, 64]); lr: is missing (valid: one of 0.001)"},
		{"a condition without its parameter", sweep.Params{lr: n(1e-3), batch: n(32), window: n(0.5)}, "alignment.weight: is missing (valid: a number in [0.001, 3], or 0)"},
		{"a chain of conditions", sweep.Params{lr: n(1e-3), batch: n(32), weight: n(1), exponent: n(1)}, "alignment.window: is missing (valid: a number in [0, 0.8])"},
		{"a false condition", sweep.Params{lr: n(1e-3), batch: n(32), weight: n(0), window: n(0.5)}, "alignment.window: does not apply, as alignment.weight > 0 is false (0.5; valid: no value)"},
		{"outside a range", sweep.Params{lr: n(1e-3), batch: n(65), weight: n(0)}, "batch: is not a value of parameters.batch (65; valid: an integer in [32, 64])"},
		{"between steps", sweep.Params{lr: n(1e-3), batch: n(40.5), weight: n(0)}, "batch: is not a value of parameters.batch (40.5; valid: an integer in [32, 64])"},
		{"between zero and a range", sweep.Params{lr: n(1e-3), batch: n(32), weight: n(1e-4)}, "alignment.weight: is not a value of parameters.alignment.weight (0.0001; valid: a number in [0.001, 3], or 0)"},
		{"a word", sweep.Params{lr: n(1e-3), batch: sweep.Word("large"), weight: n(0)}, "batch: is not a value of parameters.batch (large; valid: an integer in [32, 64])"},
		{"another constant", sweep.Params{lr: n(1e-2), batch: n(32), weight: n(0)}, "lr: is not a value of parameters.lr (0.01; valid: one of 0.001)"},
		{"other parameters", sweep.Params{lr: n(1e-3), batch: n(32), weight: n(0), "ema": n(0.9), "eam": n(0.9)},
			"eam: unknown parameter (valid: alignment.exponent, alignment.weight, alignment.window, batch, lr); ema: is not in parameters (valid: alignment.exponent, alignment.weight, alignment.window, batch, lr)"},
		{"the baseline", sweep.Params{lr: n(1e-3), batch: n(48), weight: n(0)}, "is the baseline's configuration, which a baseline trial trains with train.seed (valid: another configuration)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := space.CheckPoint(spec, c.params); c.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.want)
			}
		})
	}
	spec.Baseline.Seeds = []int64{2}
	require.NoError(t, space.CheckPoint(spec, sweep.Params{lr: n(1e-3), batch: n(48), weight: n(0)}), "another seed is another trial")
}
