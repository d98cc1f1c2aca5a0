package space_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/specfile/specfiletest"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestConditionIsTrue(t *testing.T) {
	params := sweep.Params{"w": sweep.Number(0.5), "pass": sweep.Word("cond")}
	for text, want := range map[string]bool{
		"w > 0": true, "w > 0.5": false, "w >= 0.5": true, "w < 0.5": false, "w <= 0.5": true, "w == 0.5": true, "w != 0.5": false, "w != 1": true,
		"pass == cond": true, "pass != cond": false, "pass == uncond": false,
		"absent == 0": false, "absent != 0": false, "absent < 1": false,
	} {
		c, err := sweep.ParseCondition(text)
		require.NoError(t, err)
		require.Equal(t, want, c.IsTrue(params), text)
	}
}

func TestOrderedPutsConditionsFirst(t *testing.T) {
	when := func(name string) *sweep.Condition {
		return &sweep.Condition{Param: name, Op: ">", Value: sweep.Number(0)}
	}
	spec := sweep.Spec{Parameters: []sweep.Parameter{{Name: "a", When: when("c")}, {Name: "b"}, {Name: "c", When: when("d")}, {Name: "d"}}}
	var names []string
	for _, p := range space.Ordered(&spec) {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"b", "d", "c", "a"}, names)
}

func TestGridValues(t *testing.T) {
	numbers := func(fs ...float64) (vs []sweep.Value) {
		for _, f := range fs {
			vs = append(vs, sweep.Number(f))
		}
		return vs
	}
	for _, c := range []struct {
		name string
		p    sweep.Parameter
		want []sweep.Value
	}{
		{"constant", sweep.Parameter{Distribution: sweep.DistConstant, Value: number(2)}, numbers(2)},
		{"categorical", sweep.Parameter{Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("b"), sweep.Word("a")}}, []sweep.Value{sweep.Word("b"), sweep.Word("a")}},
		{"integers", sweep.Parameter{Distribution: sweep.DistIntUniform, Min: 2, Max: 5}, numbers(2, 3, 4, 5)},
		{"some integers", sweep.Parameter{Distribution: sweep.DistIntUniform, Min: 0, Max: 10, Count: 3}, numbers(0, 5, 10)},
		{"more points than integers", sweep.Parameter{Distribution: sweep.DistIntUniform, Min: 0, Max: 2, Count: 9}, numbers(0, 1, 2)},
		{"steps", sweep.Parameter{Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.45, Q: 0.1}, numbers(0.1, 0.2, 0.3, 0.4)},
		{"uniform", sweep.Parameter{Distribution: sweep.DistUniform, Min: 0, Max: 1, Count: 5}, numbers(0, 0.25, 0.5, 0.75, 1)},
		{"log", sweep.Parameter{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 1, Count: 4}, numbers(0.001, 0.01, 0.1, 1)},
		{"log and zero", sweep.Parameter{Distribution: sweep.DistLogUniform, Min: 0.01, Max: 1, Zero: 0.2, Count: 3}, numbers(0, 0.01, 0.1, 1)},
		{"ordinal", sweep.Parameter{Distribution: sweep.DistOrdinal, Values: numbers(0, 1, 4)}, numbers(0, 1, 4)},
		{"log steps", sweep.Parameter{Distribution: sweep.DistQLogUniform, Min: 1, Max: 4.5, Q: 1, Zero: 0.1}, numbers(0, 1, 2, 3, 4)},
		{"some log steps", sweep.Parameter{Distribution: sweep.DistQLogUniform, Min: 16, Max: 256, Q: 16, Count: 5}, numbers(16, 32, 64, 128, 256)},
		{"normal", sweep.Parameter{Distribution: sweep.DistNormal, Mu: 1, Sigma: 0.25, Max: 2, Count: 3}, numbers(0, 1, 2)},
		{"log-normal", sweep.Parameter{Distribution: sweep.DistLogNormal, Mu: 0, Sigma: 1, Min: 0.05, Max: 20, Zero: 0.1, Count: 3}, numbers(0, 0.05, 1, 20)},
		{"endless normal", sweep.Parameter{Distribution: sweep.DistNormal, Mu: 1, Sigma: 0.25, Max: 2}, nil},
		{"endless", sweep.Parameter{Distribution: sweep.DistUniform, Min: 0, Max: 1}, nil},
	} {
		require.Equal(t, c.want, space.GridValues(c.p), c.name)
	}
}

func TestLegal(t *testing.T) {
	steps := sweep.Parameter{Name: "p", Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.75, Q: 0.1}
	for _, c := range []struct {
		p     sweep.Parameter
		legal []sweep.Value
		not   map[sweep.Value]string
	}{
		{sweep.Parameter{Name: "p", Distribution: sweep.DistConstant, Value: number(2)}, []sweep.Value{sweep.Number(2)}, map[sweep.Value]string{sweep.Number(1): "p = 1, want one of 2"}},
		{sweep.Parameter{Name: "p", Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b")}}, []sweep.Value{sweep.Word("b")}, map[sweep.Value]string{sweep.Word("c"): "p = c, want one of a, b"}},
		{sweep.Parameter{Name: "p", Distribution: sweep.DistIntUniform, Min: 1, Max: 3}, []sweep.Value{sweep.Number(1), sweep.Number(3)}, map[sweep.Value]string{sweep.Number(1.5): "an integer in [1, 3]", sweep.Number(4): "", sweep.Word("a"): ""}},
		{sweep.Parameter{Name: "p", Distribution: sweep.DistNormal, Sigma: 1, Min: 1, Max: 3, Zero: 0.5}, []sweep.Value{sweep.Number(0), sweep.Number(1), sweep.Number(2.5)}, map[sweep.Value]string{sweep.Number(0.5): "p = 0.5, want a number in [1, 3], or 0", sweep.Word("a"): ""}},
		{steps, []sweep.Value{sweep.Number(0.1), sweep.Number(0.3), sweep.Number(0.7)}, map[sweep.Value]string{sweep.Number(0.25): "0.1 + k * 0.1 in [0.1, 0.75]", sweep.Number(0.8): "", sweep.Number(0): ""}},
	} {
		for _, v := range c.legal {
			require.NoError(t, space.Legal(c.p, v))
		}
		for v, want := range c.not {
			require.ErrorContains(t, space.Legal(c.p, v), want)
		}
	}
}

func TestGridHasEveryPointOnce(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.With("method: grid", `parameters:
  alignment.weight: {values: [0, 0.1]}
  alignment.window: {values: [0, 0.5, 0.8], when: "alignment.weight > 0"}
  infonce.weight: {values: [0, 1]}
  lr: {value: 1e-3}`))
	grid := space.Grid(spec)
	require.Len(t, grid, (1+3)*2)
	seen := make(map[string]bool)
	for _, p := range grid {
		require.False(t, seen[p.Key()], "%s twice", p.Key())
		seen[p.Key()] = true
		_, window := p["alignment.window"]
		require.Equal(t, p["alignment.weight"] != sweep.Number(0), window)
		require.Equal(t, sweep.Number(1e-3), p["lr"])
	}
	require.True(t, seen[`{"alignment.weight":0.1,"alignment.window":0.5,"infonce.weight":1,"lr":0.001}`])
	require.Equal(t, 4, cost.TrialCount(spec), "run_cap ends a grid, too")

	spec.Budget.RunCap = 0
	require.Equal(t, 8, cost.TrialCount(spec))
	spec.Baseline = &sweep.Baseline{Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0)}, Seeds: []int64{1, 2}}
	require.Len(t, space.Grid(spec), 7, "the baseline with train.seed is that point")
	require.Equal(t, 9, cost.TrialCount(spec))
	spec.Baseline.Seeds = []int64{2}
	require.Len(t, space.Grid(spec), 8, "another seed is another trial")
}

func TestBaselines(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.With(`parameters: {infonce.weight: {min: 0.1, max: 1.0}, lr: {value: 1e-3}, infonce.exponent: {value: 2, when: "infonce.weight > 0"}}`,
		"baseline: {params: {infonce.weight: 0}, seeds: [4, 5]}"))
	got := space.Baselines(spec)
	require.Equal(t, []sweep.Assignment{
		{Number: 0, Kind: sweep.KindBaseline, Params: sweep.Params{"infonce.weight": sweep.Number(0), "lr": sweep.Number(1e-3)}, Seed: 4, Reason: sweep.Reason{Sampler: "baseline"}},
		{Number: 1, Kind: sweep.KindBaseline, Params: sweep.Params{"infonce.weight": sweep.Number(0), "lr": sweep.Number(1e-3)}, Seed: 5, Reason: sweep.Reason{Sampler: "baseline"}},
	}, got)
	got[0].Params["lr"] = sweep.Number(7)
	require.Equal(t, sweep.Number(1e-3), space.Baselines(spec)[1].Params["lr"], "trials share no parameters")
	require.Equal(t, 6, cost.TrialCount(spec))
	require.Nil(t, space.Baselines(specfiletest.Parse(t, spectest.Base)))
}

// defaultTerms are the parameters of the loss terms that are not set, for a unet.
func defaultTerms() sweep.Params {
	terms := sweep.Params{}
	for _, term := range sweep.LossTerms() {
		for _, p := range term.Parameters {
			terms[p.Name] = p.Default
		}
	}
	terms[sweep.ParamInfonceLayer] = sweep.Word(sweep.LayerBottleneck)
	return terms
}

func TestSettings(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.Base)
	got, err := spec.Settings(sweep.Assignment{Seed: 3})
	require.NoError(t, err)
	require.Equal(t, sweep.Settings{
		Terms: defaultTerms(),

		Train: sweep.Train{
			Schedule: sweep.ScheduleLinear, Prediction: sweep.PredictEps, Precision: sweep.PrecisionF32, LabelDropoutMode: sweep.DropSample, ClipNorm: 1,
			LR: 2e-4, Batch: 128, EMA: 0.999, LabelDropout: 0.1,
			Steps: 600, Seed: 3, WarmupSteps: 60, LogEvery: 50,
		},
		Guidance: []float64{0, 0.5, 1, 1.5, 2}, EverySteps: 1000,
	}, got)
	spec.Evaluate.Guidance = []float64{} // as where guidance is searched
	got, err = spec.Settings(sweep.Assignment{})
	require.NoError(t, err)
	require.Equal(t, []float64{1}, got.Guidance, "a trial without a scale of its own")

	spec = specfiletest.Parse(t, spectest.With("train: {steps: 600, schedule: cosine, prediction: v, label_dropout_mode: batch, weight_decay: 0.01, clip_norm: 0.5}"))
	set := sweep.Params{
		sweep.ParamInfonceWeight: sweep.Number(0.5), sweep.ParamInfonceTemperature: sweep.Number(0.2), sweep.ParamInfonceExponent: sweep.Number(2), sweep.ParamInfonceWindow: sweep.Number(0.7),
		sweep.ParamInfoncePass: sweep.Word(sweep.PassCond), sweep.ParamInfonceStopGradient: sweep.Word(sweep.StopNegatives), sweep.ParamInfonceLayer: sweep.Word("up2"), sweep.ParamInfonceNegatives: sweep.Word(sweep.NegativesOtherClass),
		sweep.ParamCBDMWeight: sweep.Number(1), sweep.ParamT2HWeight: sweep.Number(0.25), sweep.ParamCORALWeight: sweep.Number(0.5), sweep.ParamCORALTemperature: sweep.Number(0.2), sweep.ParamCORALEmphasis: sweep.Number(0.4),
		sweep.ParamDispersiveWeight: sweep.Number(0.6), sweep.ParamDispersiveTemperature: sweep.Number(0.7),
		sweep.ParamAlignmentWeight: sweep.Number(0.3), sweep.ParamAlignmentExponent: sweep.Number(0), sweep.ParamAlignmentWindow: sweep.Number(0.8), sweep.ParamAlignmentStopGradient: sweep.Word(sweep.StopCond),
	}
	params := sweep.Params{
		sweep.ParamResamplingFactor: sweep.Number(1), sweep.ParamGuidance: sweep.Number(3), sweep.ParamLR: sweep.Number(1e-3), sweep.ParamBatch: sweep.Number(64), sweep.ParamEMA: sweep.Number(0.99), sweep.ParamLabelDropout: sweep.Number(0),
	}
	maps.Copy(params, set)
	terms := defaultTerms()
	maps.Copy(terms, set)
	got, err = spec.Settings(sweep.Assignment{Params: params})
	require.NoError(t, err)
	require.Equal(t, sweep.Settings{
		Train: sweep.Train{
			LabelDropoutMode: sweep.DropBatch, Schedule: sweep.ScheduleCosine, Prediction: sweep.PredictV, Precision: sweep.PrecisionF32, WeightDecay: 0.01, ClipNorm: 0.5,
			LR: 1e-3, Batch: 64, EMA: 0.99,
			Steps: 600, WarmupSteps: 60, LogEvery: 50,
		},
		Terms: terms, ResamplingFactor: 1, Guidance: []float64{3}, EverySteps: 1000,
	}, got)
	require.Equal(t, 0.5, got.Weight(sweep.TermInfoNCE))
	require.Equal(t, 0.4, got.Number(sweep.ParamCORALEmphasis))
	require.Equal(t, "up2", got.Word(sweep.ParamInfonceLayer))

	for name, v := range map[string]sweep.Value{"infonce.wieght": sweep.Number(1), sweep.ParamBatch: sweep.Number(1.5), sweep.ParamInfoncePass: sweep.Word("both"), sweep.ParamEMA: sweep.Number(1), sweep.ParamLR: sweep.Number(0), sweep.ParamResamplingFactor: sweep.Word("off")} {
		_, err := spec.Settings(sweep.Assignment{Number: 12, Params: sweep.Params{name: v}})
		require.ErrorContains(t, err, "trial 12: ")
		require.ErrorContains(t, err, name)
	}
}

func TestDefaultsOfTheListAreLegal(t *testing.T) {
	for _, p := range sweep.ParameterList() {
		if !p.Fixed {
			require.True(t, p.Accepts(p.Default), p.Name)
		}
	}
}

func number(f float64) *sweep.Value {
	v := sweep.Number(f)
	return &v
}
