package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestParseReadsTheSearch(t *testing.T) {
	spec := mustParse(t, spectest.Searched)
	require.Equal(t, sweep.MethodTPE, spec.Method)
	require.Equal(t, []sweep.Constraint{
		{Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 1.02},
		{Metric: "label_accuracy.all", Op: ">=", Offset: 0.8},
	}, spec.Constraints)
	require.Equal(t, &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.3}, spec.Repeats)
	require.Equal(t, &sweep.EarlyTerminate{Type: sweep.StopHyperband, MinIter: 1000, Eta: 3, Brackets: 2}, spec.EarlyTerminate)
	require.Equal(t, []int{1000, 3000}, spec.Rungs())
	require.Equal(t, &sweep.RungEvaluate{SamplesPerClass: 100, Guidance: []float64{0, 1}}, spec.Evaluate.Rung)

	median := mustParse(t, spectest.With("early_terminate: {type: median, min_iter: 100, eta: 2}", "checkpoints: {every_steps: 100}"))
	require.Equal(t, &sweep.EarlyTerminate{Type: sweep.StopMedian, MinIter: 100, Eta: 2, MinTrials: 5}, median.EarlyTerminate)
	require.Equal(t, []int{100, 200, 400}, median.Rungs())
	require.Nil(t, median.Evaluate.Rung)

	guided := mustParse(t, spectest.With("evaluate: {rung: {samples_per_class: 50}}", "early_terminate: {type: asha, min_iter: 200}",
		"checkpoints: {every_steps: 100}", "parameters: {guidance: {min: 0.0, max: 2.0}}"))
	require.Equal(t, &sweep.RungEvaluate{SamplesPerClass: 50, Guidance: []float64{}}, guided.Evaluate.Rung)
}

func TestParseResolvesSearchDistributions(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		want         sweep.Parameter
	}{
		{sweep.ParamAlignmentExponent, "{distribution: ordinal, values: [0, 1, 4]}", sweep.Parameter{Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(0), sweep.Number(1), sweep.Number(4)}}},
		{sweep.ParamInfoncePass, "{distribution: ordinal, values: [uncond, cond]}", sweep.Parameter{Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Word("uncond"), sweep.Word("cond")}}},
		{sweep.ParamBatch, "{distribution: q_log_uniform_values, min: 1.6e1, max: 512, q: 16}", sweep.Parameter{Distribution: sweep.DistQLogUniform, Min: 16, Max: 512, Q: 16}},
		{sweep.ParamLR, "{distribution: q_log_uniform_values, min: 1e-4, max: 0.01, q: 1e-4, count: 5}", sweep.Parameter{Distribution: sweep.DistQLogUniform, Min: 1e-4, Max: 0.01, Q: 1e-4, Count: 5}},
		{sweep.ParamAlignmentWeight, "{distribution: normal, mu: 1, sigma: 0.2, zero: 0.1}", sweep.Parameter{Distribution: sweep.DistNormal, Mu: 1, Sigma: 0.2, Min: 0.2, Max: 1.8, Zero: 0.1}},
		{sweep.ParamAlignmentWeight, "{distribution: normal, mu: 0.1, sigma: 0.2}", sweep.Parameter{Distribution: sweep.DistNormal, Mu: 0.1, Sigma: 0.2, Max: 0.9}},
		{sweep.ParamAlignmentWeight, "{distribution: normal, mu: 0.5, sigma: 0.01, min: 0, max: 1}", sweep.Parameter{Distribution: sweep.DistNormal, Mu: 0.5, Sigma: 0.01, Max: 1}},
		{sweep.ParamAlignmentWeight, "{distribution: log_normal, mu: 0, sigma: 0.5, max: 3}", sweep.Parameter{Distribution: sweep.DistLogNormal, Sigma: 0.5, Min: 0.135335283237, Max: 3}},
		{sweep.ParamAlignmentWeight, "{distribution: log_normal, mu: 2, sigma: 2}", sweep.Parameter{Distribution: sweep.DistLogNormal, Mu: 2, Sigma: 2, Min: 0.00247875217667, Max: 100}},
	} {
		t.Run(c.name+c.fields, func(t *testing.T) {
			c.want.Name = c.name
			require.Equal(t, c.want, parsed(t, c.name, c.fields))
		})
	}
}

func TestParseReportsFaultsOfTheSearch(t *testing.T) {
	params := func(text string) string { return spectest.With("parameters: " + text) }
	stopped := func(text string, lines ...string) string {
		return spectest.With(append([]string{"checkpoints: {every_steps: 100}", "early_terminate: " + text}, lines...)...)
	}
	const baseline = "baseline: {seeds: [1, 2]}"
	for _, c := range []struct{ name, text, want string }{
		{"unknown method", spectest.With("method: tep"), `3:9: method: unknown value, did you mean "tpe"? (tep; valid: grid, random, sobol, tpe, bayes, cmaes, nsga2)`},
		{"no end", strings.Replace(spectest.Searched, "budget: {run_cap: 40}\n", "", 1), "budget: method tpe never ends by itself"},

		{"order of one", params("{lr: {distribution: ordinal, values: [0.1]}}"), "parameters.lr.values: an order needs two values"},
		{"order that falls", params("{lr: {distribution: ordinal, values: [0.1, 0.3, 0.2]}}"), "8:61: parameters.lr.values[2]: is not above the value before it (0.2; valid: more than 0.3, or distribution categorical)"},
		{"zero of an order", params("{infonce.weight: {distribution: ordinal, values: [1, 2], zero: 0.1}}"), "parameters.infonce.weight.zero: does not go with distribution ordinal (valid: values)"},
		{"normal word", params("{infonce.pass: {distribution: normal}}"), "parameters.infonce.pass.distribution: unknown value (normal; valid: constant, categorical, ordinal)"},
		{"no sigma", params("{lr: {distribution: normal, mu: 0.1}}"), "parameters.lr: distribution normal needs sigma (valid: mu, sigma, min, max, zero, count)"},
		{"no spread", params("{lr: {distribution: normal, mu: 0.1, sigma: 0}}"), "parameters.lr.sigma: out of range (0; valid: a number in (0, 100])"},
		{"mu of a range", params("{lr: {min: 0.1, max: 0.2, mu: 0.1}}"), "parameters.lr.mu: does not go with distribution uniform"},
		{"normal integer", params("{batch: {distribution: normal, mu: 64, sigma: 8}}"), "parameters.batch: batch takes integers (normal; valid: int_uniform, q_uniform and q_log_uniform_values with integers, or values)"},
		{"normal that reaches an illegal value", params("{lr: {distribution: normal, mu: 0.1, sigma: 0.05}}"), "parameters.lr: reaches 0, which lr cannot be (0 to 0.3; valid: min: a number in (0, 1])"},
		{"normal that reaches too far", params("{ema: {distribution: normal, mu: 0.99, sigma: 0.01}}"), "parameters.ema: reaches 1, which ema cannot be (0.95 to 1; valid: max: a number in [0, 1))"},
		{"normal outside", params("{lr: {distribution: normal, mu: 5, sigma: 0.1}}"), "parameters.lr: min and max leave nothing of the normal distribution (4.6 to 1;"},
		{"normal upside down", params("{lr: {distribution: normal, mu: 0.1, sigma: 0.1, min: 0.2, max: 0.1}}"), "min and max leave nothing of the normal distribution (0.2 to 0.1;"},
		{"tail of a normal", params("{lr: {distribution: normal, mu: 0.1, sigma: 0.1, min: 0.5, max: 0.9}}"), "parameters.lr: min and max leave less than 0.001 of the normal distribution (0.5 to 0.9; valid: ends within 3 sigma of mu)"},
		{"far tail of a normal", params("{lr: {distribution: normal, mu: 0.1, sigma: 0.01, min: 0.5, max: 0.9}}"), "min and max leave less than 0.001 of the normal distribution"},
		{"a distribution, misspelt", params("{infonce.weight: {distribution: log_unifrom, min: 0.1, max: 1}}"), `parameters.infonce.weight.distribution: unknown value, did you mean "log_uniform_values"? (log_unifrom; valid: constant,`},
		{"log_normal from zero", params("{infonce.weight: {distribution: log_normal, mu: 0, sigma: 1, min: 0}}"), "parameters.infonce.weight.min: log_normal needs min > 0 (0;"},
		{"normal zero within", params("{infonce.weight: {distribution: normal, mu: 0.1, sigma: 1, zero: 0.1}}"), "parameters.infonce.weight.zero: zero needs min > 0"},
		{"steps of a log from zero", params("{infonce.weight: {distribution: q_log_uniform_values, min: 0, max: 1, q: 0.1}}"), "parameters.infonce.weight.min: q_log_uniform_values needs min > 0"},
		{"coarse steps of a log", params("{infonce.weight: {distribution: q_log_uniform_values, min: 0.1, max: 1, q: 0.2}}"), "parameters.infonce.weight.q: the first step, all numbers within q / 2 of min, includes 0 (0.2; valid: less than 2 min,"},
		{"fractions of a batch", params("{batch: {distribution: q_log_uniform_values, min: 16, max: 32, q: 1.5}}"), "parameters.batch.q: batch takes integers (1.5;"},
		{"endless normal grid", spectest.With("method: grid", "parameters: {infonce.weight: {distribution: normal, mu: 1, sigma: 0.1}}"), "a grid needs to know which values to take (normal;"},

		{"constraint of nonsense", spectest.With("constraints: [low]"), `11:15: constraints[0]: too short: want "METRIC <= BOUND"`},
		{"constraint, misspelt", spectest.With("constraints: [loss <= 1, fid.tial <= 3]"), `11:26: constraints[1]: unknown metric, did you mean "fid.tail"? (fid.tial; valid: {fid, kid,`},
		{"constraint of no metric", spectest.With("constraints: [opinion <= 3]"), `constraints[0]: unknown metric (opinion; valid: {fid, kid, precision,`},
		{"constraint of the baseline, misspelt", spectest.With("constraints: [loss <= baseline.los]", baseline), `constraints[0]: unknown metric, did you mean "loss"? (los;`},
		{"constraint without a baseline", spectest.With("constraints: [loss <= baseline.loss]"), "11:15: constraints[0]: is relative to a baseline, but the spec has none (loss <= baseline.loss; valid: a baseline, or a number)"},
		{"constraint twice", spectest.With("constraints: [loss <= 1, loss <= 1]"), "constraints[1]: listed twice (loss <= 1;"},
		{"constraint twice, spelt otherwise", spectest.With("constraints: [loss <= 1, loss  <=  1.0]"), "constraints[1]: listed twice (loss  <=  1.0; valid: each constraint once)"},
		{"constraint on no such group", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: step}}", "constraints: [fid.medium <= 3]"), "constraints[0]: profile step has no such group (fid.medium;"},
		{"constraint of few samples", spectest.With("evaluate: {samples_per_class: 40}", "metrics: [{name: loss}]", "constraints: [fid.tail <= 3]"), "evaluate.samples_per_class: too few images for fid.tail: 120 samples"},
		{"constraint that is a number", spectest.With("constraints: [3]"), "constraints[0]: not text: it needs quotes (3;"},
		{"constraint that is no list", spectest.With("constraints: loss <= 1"), "constraints: not a list (loss <= 1;"},

		{"repeats of the first seed", spectest.With("repeats: {seeds: [2, 1]}"), "11:22: repeats.seeds[1]: is train.seed, which the first trial of each configuration has (1; valid: other seeds)"},
		{"repeats of nothing", spectest.With("repeats: {share: 0.5}"), "repeats.seeds: is missing"},
		{"too many repeats", spectest.With("repeats: {seeds: [2], share: 1}"), "repeats.share: out of range (1; valid: a number in (0, 0.9])"},

		{"rung between checkpoints", stopped("{type: asha, min_iter: 150}"), "early_terminate.min_iter: rungs must be at checkpoints, and there is no checkpoint at this step (150; valid: a multiple of checkpoints.every_steps = 100)"},
		{"rung at the end", stopped("{type: asha, min_iter: 600}"), "early_terminate.min_iter: is not before the end of the training (600; valid: less than train.steps = 600)"},
		{"min_trials of asha", stopped("{type: asha, min_iter: 100, min_trials: 3}"), "early_terminate.min_trials: is only for type: median, but early_terminate.type is asha"},
		{"brackets of median", stopped("{type: median, min_iter: 100, brackets: 2}"), "early_terminate.brackets: is only for type: hyperband, but early_terminate.type is median"},
		{"brackets without rungs", stopped("{type: hyperband, min_iter: 100, brackets: 3}"), "early_terminate.brackets: is more than there are rungs (3; valid: at most 2)"},
		{"no growth", stopped("{type: asha, min_iter: 100, eta: 1}"), "early_terminate.eta: out of range (1; valid: an integer in [2, 16])"},
		{"unknown type", stopped("{type: asah, min_iter: 100}"), `early_terminate.type: unknown value, did you mean "asha"?`},
		{"evaluated at no rung", spectest.With("evaluate: {rung: {guidance: [1]}}"), "evaluate.rung: there is no rung without early_terminate"},
		{"loss at a rung before its first point", stopped("{type: asha, min_iter: 100}", "metrics: [{name: loss}]", "train: {steps: 900, log_every: 200}"), "train.log_every: loss has no point yet at the first rung, early_terminate.min_iter = 100 (200; valid: at most 100)"},
		{"few samples at a rung", stopped("{type: asha, min_iter: 100}", "evaluate: {rung: {samples_per_class: 42}}"), "evaluate.rung.samples_per_class: too few images for fid.tail: 126 samples"},
		{"guidance at a rung", stopped("{type: asha, min_iter: 100}", "evaluate: {rung: {guidance: [1]}}", "parameters: {guidance: {min: 0.0, max: 2.0}}"), "evaluate.rung.guidance: guidance is also a parameter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, oneFault(t, c.text), c.want)
		})
	}
}
