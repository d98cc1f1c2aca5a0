package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// Use of the null label gives a warning where no sample trains with it.
func TestWarnNullLabel(t *testing.T) {
	const kept, unguided = "train: {steps: 600, label_dropout: 0}", "evaluate: {samples_per_class: 100, guidance: [0]}"
	for name, c := range map[string]struct {
		lines []string
		uses  string
	}{
		"the default":          {nil, ""},
		"everything":           {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {min: 0.0, max: 1.0}, alignment.weight: {value: 1}}"}, "guidance, infonce, alignment"},
		"guidance":             {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 0}}"}, "guidance"},
		"none of it":           {[]string{kept, unguided, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 0}}"}, ""},
		"the other pass":       {[]string{kept, unguided, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 1}, infonce.pass: {value: cond}}"}, ""},
		"guidance is searched": {[]string{kept, "evaluate: {samples_per_class: 100}", "parameters: {lr: {values: [1e-4, 1e-3]}, guidance: {min: 0.0, max: 2.0}}"}, "guidance"},
		"dropout is searched":  {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, label_dropout: {values: [0, 0.1]}}"}, ""},
		"dropout is never":     {[]string{"parameters: {lr: {values: [1e-4, 1e-3]}, label_dropout: {value: 0}}"}, "guidance"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings := Warnings(mustParse(t, spectest.With(c.lines...)))
			if c.uses == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], "train.label_dropout is 0")
			require.Contains(t, warnings[0], "is used by "+c.uses+": ")
		})
	}
}

// Fields that cannot have an effect give a warning; just beyond the limit there is none.
func TestWarnings(t *testing.T) {
	const every = "checkpoints: {every_steps: 100}"
	grid := func(lines ...string) []string {
		return append([]string{"method: grid", "parameters: {infonce.weight: {values: [0, 0.1, 1]}}", "budget: {}"}, lines...)
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"median of few", []string{every, "early_terminate: {type: median, min_iter: 100}", "budget: {run_cap: 5}"}, "early_terminate can stop no trial: median compares a trial with 5 others"},
		{"median of enough", []string{every, "early_terminate: {type: median, min_iter: 100}", "budget: {run_cap: 6}"}, ""},
		{"median without a cap", []string{every, "early_terminate: {type: median, min_iter: 100}", "budget: {gpu_hours: 1}"}, ""},
		{"median of a small grid", grid(every, "early_terminate: {type: median, min_iter: 100}"), "and there are 3 trials"},
		{"baseline trials do not count", []string{every, "early_terminate: {type: median, min_iter: 100}", "budget: {run_cap: 5}", "baseline: {seeds: [1, 2, 3]}"}, "early_terminate can stop no trial"},
		{"asha of few", []string{every, "early_terminate: {type: asha, min_iter: 100, eta: 5}"}, "early_terminate can stop no trial: asha stops none before 5 results at a rung (eta), and there are 4 trials"},
		{"asha of enough", []string{every, "early_terminate: {type: asha, min_iter: 100, eta: 4}"}, ""},
		{"hyperband of few", []string{every, "early_terminate: {type: hyperband, min_iter: 100, eta: 2}", "budget: {run_cap: 5}"}, "hyperband spreads 5 trials over 3 brackets"},
		{"hyperband of enough", []string{every, "early_terminate: {type: hyperband, min_iter: 100, eta: 2}", "budget: {run_cap: 6}"}, ""},
		{"no share", []string{"repeats: {seeds: [2], share: 0.2}"}, "repeats.share 0.2 of 4 trials allows no repeat"},
		{"a share", []string{"repeats: {seeds: [2], share: 0.25}"}, ""},
		{"repeats after a grid", grid("repeats: {seeds: [2], share: 0.5}"), ""},
		{"repeats after a part of a grid", grid("repeats: {seeds: [2], share: 0.5}", "budget: {run_cap: 2}"), ""},
		{"a cap for the grid alone", grid("repeats: {seeds: [2], share: 0.5}", "budget: {run_cap: 3}"), "repeats cannot start: the 3 configurations of the grid use up budget.run_cap"},
		{"a cap for the grid and a point", grid("parameters: {infonce.weight: {min: 0, max: 1, count: 3}}", "repeats: {seeds: [2], share: 0.5}", "points: [{infonce.weight: 0.5}, {infonce.weight: 0.3}]", "budget: {run_cap: 4}"), "repeats cannot start: the 4 configurations of the grid use up budget.run_cap"},
		{"a multiple of a KID", []string{"baseline: {seeds: [1]}", "constraints: [kid.head <= baseline.kid.head * 1.02]"}, "constraints[0] multiplies kid.head, an estimate that can be below 0, where a factor above 1 makes the limit tighter: add instead, as in kid.head <= baseline.kid.head + 0.5"},
		{"a KID and a number", []string{"baseline: {seeds: [1]}", "constraints: [kid.head <= baseline.kid.head + 0.02]"}, ""},
		{"points alone", []string{"points: [{infonce.weight: 0.1}, {infonce.weight: 0.2}]", "budget: {run_cap: 2}"}, "points fills all 2 search trials of budget.run_cap, so method random chooses no trial; raise run_cap"},
		{"points and more", []string{"points: [{infonce.weight: 0.1}, {infonce.weight: 0.2}]", "budget: {run_cap: 3}"}, ""},
		{"points of a grid", grid("points: [{infonce.weight: 0.1}]", "budget: {run_cap: 1}"), ""},
		{"all at once", []string{"method: bayes", "max_concurrent_trials: 4"}, "max_concurrent_trials is 4, so that all 4 trials start before one has a result, from which method bayes learns"},
		{"nearly all at once", []string{"method: bayes", "max_concurrent_trials: 3"}, ""},
		{"random at once", []string{"max_concurrent_trials: 4"}, ""},
		{"keeps all", []string{"checkpoints: {save_sweep_best: 5}"}, "checkpoints.save_sweep_best is 5, and there are 4 trials"},
		{"keeps some", []string{"checkpoints: {save_sweep_best: 4}"}, ""},
		{"the default keeps all", []string{"budget: {run_cap: 1}"}, ""},
		{"gate at 0", []string{"gates: {min_label_accuracy: 0}"}, "gates.min_label_accuracy is 0"},
		{"gate at 1", []string{"gates: {max_memorised_ratio: 1}"}, "gates.max_memorised_ratio is 1"},
		{"gates", []string{"gates: {min_label_accuracy: 0.1, max_memorised_ratio: 0.9}"}, ""},
		{"constraint that every trial satisfies", []string{"constraints: [label_accuracy.all >= 0]"}, "constraints: every trial satisfies label_accuracy.all >= 0:"},
		{"constraint that no trial satisfies", []string{"constraints: [label_accuracy.all >= 80]"}, "constraints: no trial satisfies label_accuracy.all >= 80:"},
		{"constraint", []string{"constraints: [label_accuracy.all >= 0.8, fid.head <= 80]"}, ""},
		{"condition beyond the range", []string{"parameters: {infonce.weight: {min: 0, max: 1}, infonce.window: {min: 0, max: 0.5, when: infonce.weight > 1}}"}, "parameters.infonce.window.when: infonce.weight > 1 is never true"},
		{"condition on an exact zero", []string{"parameters: {infonce.weight: {min: 0.1, max: 1, zero: 0.5}, infonce.window: {min: 0, max: 0.5, when: infonce.weight < 0.1}}"}, ""},
		{"condition below the range", []string{"parameters: {infonce.weight: {min: 0.1, max: 1}, infonce.window: {min: 0, max: 0.5, when: infonce.weight < 0.1}}"}, "is never true, so that no trial has the parameter: infonce.weight is in [0.1, 1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			warnings := Warnings(mustParse(t, spectest.With(c.lines...)))
			if c.want == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1, strings.Join(warnings, "\n"))
			require.Contains(t, warnings[0], c.want)
		})
	}
}
