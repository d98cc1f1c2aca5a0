package specfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

func TestExamplesAreValid(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			spec, err := Parse(file, data)
			require.NoError(t, err)
			require.Positive(t, cost.TrialCount(spec))
		})
	}
}

// The demo's trials are the four corners, the plain model first.
func TestQuickstart(t *testing.T) {
	data, err := os.ReadFile("../../examples/quickstart.yaml")
	require.NoError(t, err)
	spec, err := Parse("quickstart.yaml", data)
	require.NoError(t, err)
	require.Equal(t, "quickstart", spec.Name)
	require.GreaterOrEqual(t, len(space.Grid(spec)), 4)
	require.Equal(t, sweep.Params{sweep.ParamAlignmentWeight: sweep.Number(0), sweep.ParamInfonceWeight: sweep.Number(0)}, space.Grid(spec)[0])
}

func TestTenFaults(t *testing.T) {
	data, err := os.ReadFile("../../testdata/ten-faults.yaml")
	require.NoError(t, err)
	_, err = Parse("ten-faults.yaml", data)
	require.EqualError(t, err, strings.TrimSpace(`
ten-faults.yaml:4:7: name: not well formed (Ten Faults; valid: a letter, then a-z, 0-9 and -; at most 63 characters, the last one not -)
ten-faults.yaml:5:9: method: unknown value, did you mean "bayes"? (bayse; valid: grid, random, sobol, tpe, bayes, cmaes, nsga2)
ten-faults.yaml:7:38: model.patch: does not divide dataset.size = 16 (7; valid: 1, 2, 4, 8, 16)
ten-faults.yaml:9:10: train.steps: not an integer (many; valid: an integer in [1, 10000000])
ten-faults.yaml:10:3: train.bathc: unknown field, did you mean "batch"? (valid: batch, clip_norm, ema, flip, label_dropout, label_dropout_mode, log_every, lr, precision, prediction, schedule, seed, steps, warmup_steps, weight_decay)
ten-faults.yaml:12:3: train.lr: given twice (valid: once; the first is in line 11)
ten-faults.yaml:13:8: train.ema: out of range (1.5; valid: a number in [0, 1))
ten-faults.yaml:15:34: parameters.infonce.weight.distribution: takes exponents in W&B, which is not supported: use log_uniform_values and the bounds themselves (log_uniform; valid: constant, categorical, ordinal, uniform, log_uniform_values, int_uniform, q_uniform, q_log_uniform_values, normal, log_normal)
ten-faults.yaml:17:48: parameters.alignment.window.when: infonce.pass is not in parameters (infonce.pass == cond; valid: alignment.weight, alignment.window, infonce.weight)
ten-faults.yaml:19:12: metrics[0].name: unknown metric, did you mean "kid.tail"? (kid.tial; valid: {fid, kid, precision, recall, density, coverage, diversity, label_accuracy, memorised_ratio, cas}.{all, head, medium, tail}, fid.class.CLASS, loss, steps_per_second)
`))
}
