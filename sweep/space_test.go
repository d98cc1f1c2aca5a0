package sweep

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConditionReadsBack(t *testing.T) {
	for text, want := range map[string]Condition{
		"infonce.weight > 0":    {Param: "infonce.weight", Op: ">", Value: Number(0)},
		"a b > 0":               {Param: "a b", Op: ">", Value: Number(0)},
		"lr<=1e-3":              {Param: "lr", Op: "<=", Value: Number(1e-3)},
		" infonce.pass == cond": {Param: "infonce.pass", Op: "==", Value: Word("cond")},
		"a!=-2.5":               {Param: "a", Op: "!=", Value: Number(-2.5)},
	} {
		got, err := ParseCondition(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := ParseCondition(got.String())
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	for _, text := range []string{"", "a", "a\tb > 1", "> 1", "a >", "a = 1", "a => 1", "a > 1 2", "a > b", "a == 1x", "a > 1e999", `a == "x"`, "a > b > c"} {
		_, err := ParseCondition(text)
		require.Errorf(t, err, "%q", text)
	}
}

func TestConditionHolds(t *testing.T) {
	params := Params{"w": Number(0.5), "pass": Word("cond")}
	for text, want := range map[string]bool{
		"w > 0": true, "w > 0.5": false, "w >= 0.5": true, "w < 0.5": false, "w <= 0.5": true, "w == 0.5": true, "w != 0.5": false, "w != 1": true,
		"pass == cond": true, "pass != cond": false, "pass == uncond": false,
		"absent == 0": false, "absent != 0": false, "absent < 1": false,
	} {
		c, err := ParseCondition(text)
		require.NoError(t, err)
		require.Equal(t, want, c.Holds(params), text)
	}
}

func FuzzCondition(f *testing.F) {
	f.Add("infonce.weight > 0")
	f.Add("a!=b")
	f.Add("a <= 0x1F")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			return
		}
		again, err := ParseCondition(c.String())
		require.NoErrorf(t, err, "%q from %q", c, text)
		require.Equal(t, c, again)
		c.Holds(Params{c.Param: c.Value})
	})
}

func TestOrderedPutsConditionsFirst(t *testing.T) {
	when := func(name string) *Condition { return &Condition{Param: name, Op: ">", Value: Number(0)} }
	spec := Spec{Parameters: []Parameter{{Name: "a", When: when("c")}, {Name: "b"}, {Name: "c", When: when("d")}, {Name: "d"}}}
	var names []string
	for _, p := range spec.Ordered() {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"b", "d", "c", "a"}, names)
}

func TestGridValues(t *testing.T) {
	numbers := func(fs ...float64) (vs []Value) {
		for _, f := range fs {
			vs = append(vs, Number(f))
		}
		return vs
	}
	for _, c := range []struct {
		name string
		p    Parameter
		want []Value
	}{
		{"constant", Parameter{Distribution: DistConstant, Value: number(2)}, numbers(2)},
		{"categorical", Parameter{Distribution: DistCategorical, Values: []Value{Word("b"), Word("a")}}, []Value{Word("b"), Word("a")}},
		{"integers", Parameter{Distribution: DistIntUniform, Min: 2, Max: 5}, numbers(2, 3, 4, 5)},
		{"some integers", Parameter{Distribution: DistIntUniform, Min: 0, Max: 10, Count: 3}, numbers(0, 5, 10)},
		{"more points than integers", Parameter{Distribution: DistIntUniform, Min: 0, Max: 2, Count: 9}, numbers(0, 1, 2)},
		{"steps", Parameter{Distribution: DistQUniform, Min: 0.1, Max: 0.45, Q: 0.1}, numbers(0.1, 0.2, 0.3, 0.4)},
		{"uniform", Parameter{Distribution: DistUniform, Min: 0, Max: 1, Count: 5}, numbers(0, 0.25, 0.5, 0.75, 1)},
		{"log", Parameter{Distribution: DistLogUniform, Min: 1e-3, Max: 1, Count: 4}, numbers(0.001, 0.01, 0.1, 1)},
		{"log and zero", Parameter{Distribution: DistLogUniform, Min: 0.01, Max: 1, Zero: 0.2, Count: 3}, numbers(0, 0.01, 0.1, 1)},
		{"ordinal", Parameter{Distribution: DistOrdinal, Values: numbers(0, 1, 4)}, numbers(0, 1, 4)},
		{"log steps", Parameter{Distribution: DistQLogUniform, Min: 1, Max: 4.5, Q: 1, Zero: 0.1}, numbers(0, 1, 2, 3, 4)},
		{"some log steps", Parameter{Distribution: DistQLogUniform, Min: 16, Max: 256, Q: 16, Count: 5}, numbers(16, 32, 64, 128, 256)},
		{"normal", Parameter{Distribution: DistNormal, Mu: 1, Sigma: 0.25, Max: 2, Count: 3}, numbers(0, 1, 2)},
		{"log-normal", Parameter{Distribution: DistLogNormal, Mu: 0, Sigma: 1, Min: 0.05, Max: 20, Zero: 0.1, Count: 3}, numbers(0, 0.05, 1, 20)},
		{"endless normal", Parameter{Distribution: DistNormal, Mu: 1, Sigma: 0.25, Max: 2}, nil},
		{"endless", Parameter{Distribution: DistUniform, Min: 0, Max: 1}, nil},
	} {
		require.Equal(t, c.want, c.p.GridValues(), c.name)
	}
}

func TestLegal(t *testing.T) {
	steps := Parameter{Name: "p", Distribution: DistQUniform, Min: 0.1, Max: 0.75, Q: 0.1}
	for _, c := range []struct {
		p     Parameter
		legal []Value
		not   map[Value]string
	}{
		{Parameter{Name: "p", Distribution: DistConstant, Value: number(2)}, []Value{Number(2)}, map[Value]string{Number(1): "p = 1, want one of 2"}},
		{Parameter{Name: "p", Distribution: DistOrdinal, Values: []Value{Word("a"), Word("b")}}, []Value{Word("b")}, map[Value]string{Word("c"): "p = c, want one of a, b"}},
		{Parameter{Name: "p", Distribution: DistIntUniform, Min: 1, Max: 3}, []Value{Number(1), Number(3)}, map[Value]string{Number(1.5): "an integer in [1, 3]", Number(4): "", Word("a"): ""}},
		{Parameter{Name: "p", Distribution: DistNormal, Sigma: 1, Min: 1, Max: 3, Zero: 0.5}, []Value{Number(0), Number(1), Number(2.5)}, map[Value]string{Number(0.5): "p = 0.5, want a number in [1, 3], or 0", Word("a"): ""}},
		{steps, []Value{Number(0.1), Number(0.3), Number(0.7)}, map[Value]string{Number(0.25): "0.1 + k * 0.1 in [0.1, 0.75]", Number(0.8): "", Number(0): ""}},
	} {
		for _, v := range c.legal {
			require.NoError(t, c.p.Legal(v))
		}
		for v, want := range c.not {
			require.ErrorContains(t, c.p.Legal(v), want)
		}
	}
}

func TestGridHasEveryPointOnce(t *testing.T) {
	spec := mustParse(t, with("method: grid", `parameters:
  alignment.weight: {values: [0, 0.1]}
  alignment.window: {values: [0, 0.5, 0.8], when: "alignment.weight > 0"}
  infonce.weight: {values: [0, 1]}
  lr: {value: 1e-3}`))
	grid := spec.Grid()
	require.Len(t, grid, (1+3)*2)
	seen := make(map[string]bool)
	for _, p := range grid {
		require.False(t, seen[p.Key()], "%s twice", p.Key())
		seen[p.Key()] = true
		_, window := p["alignment.window"]
		require.Equal(t, p["alignment.weight"] != Number(0), window)
		require.Equal(t, Number(1e-3), p["lr"])
	}
	require.True(t, seen[`{"alignment.weight":0.1,"alignment.window":0.5,"infonce.weight":1,"lr":0.001}`])
	require.Equal(t, 4, spec.Planned(), "run_cap ends a grid, too")

	spec.Budget.RunCap = 0
	require.Equal(t, 8, spec.Planned())
	spec.Baseline = &Baseline{Params: Params{ParamInfonceWeight: Number(0), ParamAlignmentWeight: Number(0)}, Seeds: []int64{1, 2}}
	require.Len(t, spec.Grid(), 7, "the baseline with train.seed is that point")
	require.Equal(t, 9, spec.Planned())
	spec.Baseline.Seeds = []int64{2}
	require.Len(t, spec.Grid(), 8, "another seed is another trial")
}

func TestBaselines(t *testing.T) {
	spec := mustParse(t, with(`parameters: {infonce.weight: {min: 0.1, max: 1.0}, lr: {value: 1e-3}, infonce.exponent: {value: 2, when: "infonce.weight > 0"}}`,
		"baseline: {params: {infonce.weight: 0}, seeds: [4, 5]}"))
	got := spec.Baselines()
	require.Equal(t, []Assignment{
		{Number: 0, Kind: KindBaseline, Params: Params{"infonce.weight": Number(0), "lr": Number(1e-3)}, Seed: 4, Reason: Reason{Sampler: "baseline"}},
		{Number: 1, Kind: KindBaseline, Params: Params{"infonce.weight": Number(0), "lr": Number(1e-3)}, Seed: 5, Reason: Reason{Sampler: "baseline"}},
	}, got)
	got[0].Params["lr"] = Number(7)
	require.Equal(t, Number(1e-3), spec.Baselines()[1].Params["lr"], "trials share no parameters")
	require.Equal(t, 6, spec.Planned())
	require.Nil(t, mustParse(t, base).Baselines())
}

func TestSettings(t *testing.T) {
	spec := mustParse(t, base)
	got, err := spec.Settings(Assignment{Seed: 3})
	require.NoError(t, err)
	require.Equal(t, Settings{
		InfoNCE:    InfoNCE{Temperature: 0.1, Exponent: 1, Pass: PassUncond, StopGradient: StopNone, Layer: LayerBottleneck, Negatives: NegativesAll},
		Alignment:  Alignment{Exponent: 1, StopGradient: StopNone},
		CORAL:      CORAL{Temperature: 0.1, Emphasis: 0.3},
		Dispersive: Dispersive{Temperature: 0.5},
		Schedule:   ScheduleLinear, Prediction: PredictEps, Precision: PrecisionF32, LabelDropoutMode: DropSample, ClipNorm: 1,
		LR: 2e-4, Batch: 128, EMA: 0.999, LabelDropout: 0.1, Guidance: []float64{0, 0.5, 1, 1.5, 2},
		Steps: 600, Seed: 3, WarmupSteps: 60, LogEvery: 50, EverySteps: 1000,
	}, got)

	spec = mustParse(t, with("train: {steps: 600, schedule: cosine, prediction: v, label_dropout_mode: batch, weight_decay: 0.01, clip_norm: 0.5}"))
	got, err = spec.Settings(Assignment{Params: Params{
		ParamInfonceWeight: Number(0.5), ParamInfonceTemperature: Number(0.2), ParamInfonceExponent: Number(2), ParamInfonceWindow: Number(0.7),
		ParamInfoncePass: Word(PassCond), ParamInfonceStopGradient: Word(StopNegatives), ParamInfonceLayer: Word("up2"), ParamInfonceNegatives: Word(NegativesOtherClass),
		ParamCBDMWeight: Number(1), ParamT2HWeight: Number(0.25), ParamCORALWeight: Number(0.5), ParamCORALTemperature: Number(0.2), ParamCORALEmphasis: Number(0.4),
		ParamDispersiveWeight: Number(0.6), ParamDispersiveTemperature: Number(0.7),
		ParamAlignmentWeight: Number(0.3), ParamAlignmentExponent: Number(0), ParamAlignmentWindow: Number(0.8), ParamAlignmentStopGradient: Word(StopCond),
		ParamResamplingFactor: Number(1), ParamGuidance: Number(3), ParamLR: Number(1e-3), ParamBatch: Number(64), ParamEMA: Number(0.99), ParamLabelDropout: Number(0),
	}})
	require.NoError(t, err)
	require.Equal(t, Settings{
		InfoNCE:          InfoNCE{Weight: 0.5, Temperature: 0.2, Exponent: 2, Window: 0.7, Pass: PassCond, StopGradient: StopNegatives, Layer: "up2", Negatives: NegativesOtherClass},
		CBDM:             CBDM{Weight: 1},
		T2H:              T2H{Weight: 0.25},
		CORAL:            CORAL{Weight: 0.5, Temperature: 0.2, Emphasis: 0.4},
		Dispersive:       Dispersive{Weight: 0.6, Temperature: 0.7},
		LabelDropoutMode: DropBatch, Schedule: ScheduleCosine, Prediction: PredictV, Precision: PrecisionF32, WeightDecay: 0.01, ClipNorm: 0.5,
		Alignment:        Alignment{Weight: 0.3, Window: 0.8, StopGradient: StopCond},
		ResamplingFactor: 1, LR: 1e-3, Batch: 64, EMA: 0.99, Guidance: []float64{3},
		Steps: 600, WarmupSteps: 60, LogEvery: 50, EverySteps: 1000,
	}, got)

	for name, v := range map[string]Value{"infonce.wieght": Number(1), ParamBatch: Number(1.5), ParamInfoncePass: Word("both"), ParamEMA: Number(1), ParamLR: Number(0), ParamResamplingFactor: Word("off")} {
		_, err := spec.Settings(Assignment{Number: 12, Params: Params{name: v}})
		require.ErrorContains(t, err, "trial 12: ")
		require.ErrorContains(t, err, name)
	}
}

func TestDefaultsOfTheListAreLegal(t *testing.T) {
	for _, p := range ParameterList() {
		if !p.fixed {
			require.True(t, p.Accepts(p.Default), p.Name)
		}
	}
}

func TestPlan(t *testing.T) {
	spec := mustParse(t, with("train: {steps: 2500}", "evaluate: {samples_per_class: 100, guidance: [0, 1]}", "baseline: {seeds: [1, 2]}", "max_concurrent_trials: 4"))
	require.Equal(t, Plan{
		Trials: 6, Baseline: 2, StepsPerTrial: 2500, Steps: 15000, SamplesPerTrial: 3000, Samples: 18000,
		CheckpointBytes: 16e6, WrittenBytes: 6 * 3 * 16e6, KeptBytes: 3 * 16e6,
		TrialTime: 55 * time.Second, SlotTime: 330 * time.Second, WallTime: 110 * time.Second,
	}, spec.Plan(Speed{ModelParameters: 1e6, StepsPerSecond: 100, SamplesPerSecond: 100}))
	require.Zero(t, spec.Plan(Speed{}).WallTime)
	require.EqualValues(t, 10*(500*3+2*100*3), mustParse(t, searched).Plan(Speed{}).SamplesPerTrial, "at the end and at two rungs")
	judged := mustParse(t, strings.Replace(searched, ", rung: {samples_per_class: 100}", "", 1))
	require.EqualValues(t, 10*3*500*3, judged.Plan(Speed{}).SamplesPerTrial)
	require.Equal(t, time.Duration(math.MaxInt64), spec.Plan(Speed{StepsPerSecond: 1e-9, SamplesPerSecond: 1e-9}).SlotTime)
}

func TestDuration(t *testing.T) {
	for text, d := range map[string]time.Duration{"12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "90s": 90 * time.Second, "0s": 0, "10m": 10 * time.Minute} {
		var got Duration
		require.NoError(t, got.UnmarshalJSON([]byte(`"`+text+`"`)))
		require.Equal(t, d, time.Duration(got))
		var again Duration
		data, err := got.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalJSON(data))
		require.Equal(t, got, again)
	}
	require.Equal(t, "12h", Duration(12*time.Hour).String())
	var d Duration
	require.Error(t, d.UnmarshalJSON([]byte("5")))
	require.Error(t, d.UnmarshalJSON([]byte(`"soon"`)))
}
