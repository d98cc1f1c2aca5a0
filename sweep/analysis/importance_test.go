package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// space4 has two ranges, a logarithmic range with a zero, and a word.
var four = sweep.Number(4)

func space4() *sweep.Spec {
	return &sweep.Spec{
		Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "label_accuracy.all", Goal: sweep.Maximize}},
		Parameters: []sweep.Parameter{
			{Name: "a", Distribution: sweep.DistUniform, Min: 0, Max: 1},
			{Name: "b", Distribution: sweep.DistUniform, Min: 0, Max: 1},
			{Name: "l", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 1, Zero: 0.3},
			{Name: "w", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("x"), sweep.Word("y"), sweep.Word("z")}},
			{Name: "c", Distribution: sweep.DistConstant, Value: &four},
		},
	}
}

// sampled draws n configurations at random and evaluates them by f.
func sampled(n int, seed uint64, f func(p sweep.Params, rng *rand.Rand) float64) []sweep.Trial {
	rng := rand.New(rand.NewPCG(seed, 17))
	var trials []sweep.Trial
	for i := range n {
		l := 0.0
		if rng.Float64() >= 0.3 {
			l = math.Pow(10, -3*rng.Float64())
		}
		p := sweep.Params{"a": sweep.Number(rng.Float64()), "b": sweep.Number(rng.Float64()), "l": sweep.Number(l),
			"w": []sweep.Value{sweep.Word("x"), sweep.Word("y"), sweep.Word("z")}[rng.IntN(3)], "c": sweep.Number(4)}
		t := completed(i, f(p, rng), 1)
		t.Params, t.Kind = p, sweep.KindSearch
		trials = append(trials, t)
	}
	return trials
}

func shares(r Region) map[string]float64 {
	m := map[string]float64{}
	for _, p := range r.Parameters {
		m[p.Name] = p.Share
	}
	return m
}

func signals(r Region) []string {
	names := []string{}
	for _, p := range r.Parameters {
		if !p.Noise {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestImportanceOfKnownFunctions(t *testing.T) {
	for name, c := range map[string]struct {
		f      func(p sweep.Params, rng *rand.Rand) float64
		global []string // signals, most important first
		least  float64  // share of the first
	}{
		"one range":            {func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() }, []string{"a"}, 0.95},
		"an optimum inside":    {func(p sweep.Params, _ *rand.Rand) float64 { return math.Abs(p["a"].Float() - 0.4) }, []string{"a"}, 0.9},
		"one much, one little": {func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() + 0.1*p["b"].Float() }, []string{"a"}, 0.9},
		"two alike":            {func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() + p["b"].Float() }, []string{"a", "b"}, 0.4},
		"a word": {func(p sweep.Params, rng *rand.Rand) float64 {
			return indicator(p["w"] != sweep.Word("y")) + 0.1*rng.Float64()
		}, []string{"w"}, 0.9},
		"only whether it is 0": {func(p sweep.Params, rng *rand.Rand) float64 {
			return indicator(p["l"].Float() != 0) + 0.1*rng.Float64()
		}, []string{"l"}, 0.9},
		"in the logarithm":      {func(p sweep.Params, _ *rand.Rand) float64 { return math.Abs(math.Log10(p["l"].Float()+1e-9) + 2) }, []string{"l"}, 0.9},
		"nothing":               {func(_ sweep.Params, rng *rand.Rand) float64 { return rng.Float64() }, []string{}, 0},
		"all the same":          {func(sweep.Params, *rand.Rand) float64 { return 3 }, []string{}, 0},
		"a under noise of half": {func(p sweep.Params, rng *rand.Rand) float64 { return p["a"].Float() + 0.15*rng.NormFloat64() }, []string{"a"}, 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			im, err := NewImportance(space4(), sampled(200, 1, c.f), "", DefaultTop)
			require.NoError(t, err)
			require.Equal(t, "fid.tail", im.Metric)
			require.ElementsMatch(t, c.global, signals(im.Global), "%+v", im.Global)
			require.Len(t, im.Global.Parameters, 4, "a constant has no importance")
			require.GreaterOrEqual(t, im.Global.Parameters[0].Share, c.least)
			for _, r := range []Region{im.Global, im.Local} {
				sum := 0.0
				for _, p := range r.Parameters {
					sum += p.Share
				}
				require.InDelta(t, 1, sum, 1e-9)
				require.True(t, slices.IsSortedFunc(r.Parameters, func(a, b ParameterImportance) int {
					return int(math.Copysign(1, b.Share-a.Share))
				}) || r.Parameters[0].Share == r.Parameters[3].Share)
			}
		})
	}
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Parameter a decides which half a configuration is in, b which of the good ones is best.
func TestImportanceIsLocal(t *testing.T) {
	im, err := NewImportance(space4(), sampled(200, 2, func(p sweep.Params, _ *rand.Rand) float64 {
		return 10*indicator(p["a"].Float() > 0.5) + p["b"].Float()
	}), "", DefaultTop)
	require.NoError(t, err)
	require.Subset(t, signals(im.Global), []string{"a", "b"})
	require.Greater(t, shares(im.Global)["a"], 0.15)
	require.Equal(t, []string{"b"}, signals(im.Local))
	require.Greater(t, shares(im.Local)["b"], 0.9)
	require.Equal(t, 200, im.Global.Configurations)
	require.Equal(t, 20, im.Global.Top)
	require.Equal(t, 100, im.Local.Configurations)
	require.Equal(t, 20, im.Local.Top)
}

func TestImportanceDependsOnTheOrderOnly(t *testing.T) {
	f := func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() + 0.4*p["b"].Float() }
	trials := sampled(60, 3, f)
	want, err := NewImportance(space4(), trials, "", 0.2)
	require.NoError(t, err)
	again, err := NewImportance(space4(), trials, "", 0.2)
	require.NoError(t, err)
	require.Equal(t, want, again, "the same seed")

	warped := sampled(60, 3, func(p sweep.Params, rng *rand.Rand) float64 { return math.Exp(9*f(p, rng)) - 1e6 })
	slices.Reverse(warped)
	got, err := NewImportance(space4(), warped, "", 0.2)
	require.NoError(t, err)
	require.Equal(t, want, got, "a monotone change, and another order of completion")

	for i := range trials {
		trials[i].Metrics["label_accuracy.all"] = -trials[i].Metrics["fid.tail"]
	}
	got, err = NewImportance(space4(), trials, "label_accuracy.all", 0.2)
	require.NoError(t, err)
	require.Equal(t, want.Global, got.Global, "a metric to maximise")
}

// A parameter is evaluated over the configurations that have it: cond matters among the
// 40 % that do.
func TestImportanceOfAConditionalParameter(t *testing.T) {
	spec := space4()
	spec.Parameters = append(spec.Parameters, sweep.Parameter{Name: "cond", Distribution: sweep.DistUniform, Min: 0, Max: 1, When: &sweep.Condition{Param: "a", Op: "<", Value: sweep.Number(0.4)}})
	rng := rand.New(rand.NewPCG(1, 2))
	trials := sampled(200, 4, func(p sweep.Params, _ *rand.Rand) float64 {
		if p["a"].Float() < 0.4 {
			p["cond"] = sweep.Number(rng.Float64())
			return p["cond"].Float()
		}
		return 0.5
	})
	im, err := NewImportance(spec, trials, "", DefaultTop)
	require.NoError(t, err)
	require.Equal(t, "cond", im.Global.Parameters[0].Name)
	require.InDelta(t, 80, im.Global.Parameters[0].Active, 20)
	require.Contains(t, signals(im.Global), "cond")
	require.Equal(t, 200, im.Global.Parameters[1].Active)

	for i := range trials { // there, and of no consequence
		trials[i].Metrics["fid.tail"] = trials[i].Params["b"].Float()
	}
	im, err = NewImportance(spec, trials, "", DefaultTop)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, signals(im.Global))
}

// Configurations that diverged or were stopped count as bad; those that failed do not.
func TestImportanceOfTrialsWithoutAResult(t *testing.T) {
	trials := sampled(60, 5, func(p sweep.Params, rng *rand.Rand) float64 { return rng.Float64() })
	for i := range trials {
		if trials[i].Params["a"].Float() > 0.5 {
			trials[i].Status = []sweep.Status{sweep.StatusDiverged, sweep.StatusStopped}[i%2]
		}
	}
	im, err := NewImportance(space4(), trials, "", DefaultTop)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, signals(im.Global))
	require.Equal(t, 60, im.Global.Configurations)
	for i := range trials {
		if trials[i].Status != sweep.StatusCompleted {
			trials[i].Status = []sweep.Status{sweep.StatusFailed, sweep.StatusCancelled}[i%2]
		}
	}
	im, err = NewImportance(space4(), trials, "", DefaultTop)
	require.NoError(t, err)
	require.Less(t, im.Global.Configurations, 40)
	require.NotContains(t, signals(im.Global), "a")
}

// Twenty seeds of one configuration count once, and the baseline does not count.
func TestImportanceCountsConfigurations(t *testing.T) {
	trials := sampled(40, 6, func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() })
	want, err := NewImportance(space4(), trials, "", DefaultTop)
	require.NoError(t, err)
	best, _ := Best(space4(), trials, "")
	for i := range 20 {
		again := best
		again.Number, again.Seed = 100+i, int64(i)
		trials = append(trials, again)
	}
	trials = append(trials, baseline(200, 1, -1, 1))
	got, err := NewImportance(space4(), trials, "", DefaultTop)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestImportanceNeedsEnough(t *testing.T) {
	f := func(p sweep.Params, _ *rand.Rand) float64 { return p["a"].Float() }
	_, err := NewImportance(space4(), sampled(19, 1, f), "", DefaultTop)
	require.EqualError(t, err, "importance for fid.tail needs 20 finished configurations of the search, 10 of them completed with a value of it; there are 19 and 19")
	_, err = NewImportance(space4(), sampled(30, 1, f), "fid.all", DefaultTop)
	require.ErrorContains(t, err, "there are 0 and 0")
	for _, top := range []float64{0, -1, 0.41, math.NaN()} {
		_, err = NewImportance(space4(), sampled(30, 1, f), "", top)
		require.ErrorContains(t, err, "at most 0.4", top)
	}
	_, err = NewImportance(space4(), sampled(20, 1, f), "", DefaultTop)
	require.NoError(t, err)
}

// In at most about 5 % of sweeps a useless parameter is not marked as noise.
func TestImportanceOfNothingIsNoise(t *testing.T) {
	found := 0
	const rounds = 60
	for seed := range uint64(rounds) {
		spec := space4()
		spec.Seed = int64(seed)
		im, err := NewImportance(spec, sampled(30, 100+seed, func(_ sweep.Params, rng *rand.Rand) float64 { return rng.Float64() }), "", DefaultTop)
		require.NoError(t, err)
		found += min(1, len(signals(im.Global)))
	}
	require.LessOrEqual(t, found, 8, "of %d sweeps; 3 expected, more than 8 in less than 1 %% of cases", rounds)
}

func ExampleNewImportance() {
	im, err := NewImportance(space4(), sampled(100, 1, func(p sweep.Params, _ *rand.Rand) float64 {
		return p["a"].Float() + 0.5*p["b"].Float()
	}), "", DefaultTop)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range im.Global.Parameters {
		fmt.Printf("%s %.0f %% noise: %v\n", p.Name, 100*p.Share, p.Noise)
	}
	// Output:
	// a 59 % noise: false
	// b 41 % noise: false
	// l 0 % noise: true
	// w 0 % noise: true
}
