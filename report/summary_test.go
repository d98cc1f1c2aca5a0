package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// fakeTrial is a FAKE completed trial with these weights and FIDs.
func fakeTrial(number int, kind sweep.Kind, weight, head, tail float64) sweep.Trial {
	return sweep.Trial{
		Assignment: sweep.Assignment{Number: number, Kind: kind, Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(weight)}},
		Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": head, "fid.tail": tail}},
	}
}

// A KID is an estimate that can be below 0, where a percentage has no meaning.
func TestAChangeFromANegativeValue(t *testing.T) {
	for _, c := range []struct{ v, from float64 }{{-0.5, -1}, {0.5, -1}, {-0.5, 1}, {1, 0}} {
		require.Contains(t, change(c.v, c.from), "a difference of ")
		require.NotContains(t, change(c.v, c.from), "%")
	}
	require.Contains(t, change(1, 2), "50.0 %")
}

func TestSummary(t *testing.T) {
	const search, baseline = sweep.KindSearch, sweep.KindBaseline
	gated := fakeTrial(3, search, 1, 21, 44)
	gated.Gates = []string{"it copies"}
	tests := []struct {
		name   string
		trials []sweep.Trial
		want   string
	}{
		{"baseline of two seeds", []sweep.Trial{fakeTrial(0, baseline, 0, 20, 50), fakeTrial(1, baseline, 0, 22, 60), fakeTrial(2, search, 1, 21, 44)},
			"Trial 2 has the best fid.tail: 44.00, against 55.00 of the baseline (20.0 % lower). Its fid.head is 21.00, against 21.00 (no change)."},
		{"without a baseline the best plain search trial is used", []sweep.Trial{fakeTrial(0, search, 0, 20, 60), fakeTrial(1, search, 0, 22, 50), fakeTrial(2, search, 1, 33, 40)},
			"Trial 2 has the best fid.tail: 40.00, against 50.00 of the baseline (20.0 % lower). Its fid.head is 33.00, against 22.00 (50.0 % higher)."},
		{"no baseline", []sweep.Trial{fakeTrial(0, search, 1, 20, 60)},
			"Trial 0 has the best fid.tail, 60.00. No plain baseline has completed, so this page cannot say whether the search helped."},
		{"the baseline is the best", []sweep.Trial{fakeTrial(0, baseline, 0, 20, 30), fakeTrial(1, search, 1, 20, 31)},
			"The baseline itself, trial 0, has the best fid.tail: 30.00. No other configuration of this sweep is better."},
		{"all failed a gate", []sweep.Trial{gated},
			"No trial is the best: 1 trial completed with a value of fid.tail, but it failed a gate; this one, trial 3, has 44: it copies."},
		{"nothing completed", []sweep.Trial{{Status: sweep.StatusDiverged}},
			"No trial has completed with a value of fid.tail yet, so there is nothing to compare."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, newStudy(fixture(t, 0).Spec, tt.trials).Summary())
		})
	}
}

// A trial with resampling is not a plain baseline.
func TestResamplingIsNotPlain(t *testing.T) {
	trial := fakeTrial(0, sweep.KindSearch, 0, 1, 1)
	require.True(t, isPlain(trial))
	trial.Params[sweep.ParamResamplingFactor] = sweep.Number(.1)
	require.False(t, isPlain(trial))
}

func TestRate(t *testing.T) {
	sure, unsure, unknown := 1.0, 6.0, 0.0
	tests := []struct {
		metric     string
		difference float64
		deviation  float64
		want       string
	}{
		{"fid.tail", -10, sure, "better"}, {"fid.tail", 10, sure, "worse"}, {"fid.tail", -10, unsure, "not distinguishable"},
		{"fid.tail", -10, unknown, "noise unknown"}, {"fid.tail", 0, sure, "equal"},
		{"label_accuracy.tail", 10, sure, "better"}, {"label_accuracy.tail", -10, sure, "worse"}, {"label_accuracy.tail", 10, unsure, "not distinguishable"},
	}
	for _, tt := range tests {
		word, _ := rate(newStudy(fixture(t, 0).Spec, nil).isLower(tt.metric), tt.difference, sweep.Estimate{Mean: tt.difference, StdDev: tt.deviation})
		require.Equal(t, tt.want, word, "%s %v", tt.metric, tt.difference)
	}
}

func TestSampleCountsFollowTheGroups(t *testing.T) {
	spec := fixture(t, 0).Spec
	require.Equal(t, "Generated samples for each metric: head 300, medium 400, tail 300, all 1000 (100 a class).", sampleCounts(spec))
	spec.Dataset.Imbalance.Profile = sweep.ProfileStep
	require.Equal(t, "Generated samples for each metric: head 500, tail 500, all 1000 (100 a class).", sampleCounts(spec))
}

// The front compares head with tail also when the sweep optimises something else.
func TestFrontIsOfHeadAgainstTail(t *testing.T) {
	spec := *fixture(t, 0).Spec
	spec.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}
	s := newStudy(&spec, []sweep.Trial{fakeTrial(0, "", 1, 20, 50), fakeTrial(1, "", 1, 25, 40), fakeTrial(2, "", 1, 26, 45), fakeTrial(3, "", 1, 19, 60)})
	var numbers []int
	for _, t := range s.front.Trials {
		numbers = append(numbers, t.Number)
	}
	require.Equal(t, []int{3, 0, 1}, numbers)
}

func TestPageShowsTheAnalysis(t *testing.T) {
	in := fixture(t, 40)
	html := render(t, in)
	require.Contains(t, html, "are not distinguishable from trial 12 at 95 % confidence")
	require.Contains(t, html, "<strong>knee</strong>")
	require.Contains(t, html, "<caption>fid.tail</caption>")
	require.Contains(t, html, `class="text">best 10 of all`, "the column's title says what it is a share of")
	require.Contains(t, html, `<svg class="bar noise"`)
	require.NotContains(t, html, ">feasible<", "without constraints nothing is feasible or not")

	c, err := sweep.ParseConstraint("fid.head <= baseline.fid.head + 4")
	require.NoError(t, err)
	in.Spec.Constraints = []sweep.Constraint{c}
	html = render(t, in)
	for _, word := range []string{">feasible<", ">infeasible<", ">undecided<"} {
		require.Contains(t, html, word)
	}
}

func TestContest(t *testing.T) {
	in := fixture(t, 9)
	require.Contains(t, newStudy(in.Spec, in.Trials).Contest(), "2 degrees of freedom")
	single := in.Trials[2:]
	require.Contains(t, newStudy(in.Spec, single).Contest(), "is unknown: every configuration was trained with one seed")
	require.Empty(t, newStudy(in.Spec, in.Trials[:3]).Contest(), "there is only the baseline")
	require.Empty(t, newStudy(in.Spec, nil).Contest())
}

// A page must not say that every configuration had one seed where some had several.
func TestCaveatsMentionRepeats(t *testing.T) {
	in := fixture(t, 9)
	again := in.Trials[5]
	again.Number, again.Seed = 99, 2
	in.Trials = append(in.Trials, again, again)
	html := render(t, in)
	require.Contains(t, html, "1 searched configuration was trained with several seeds")
	require.NotContains(t, html, "Each searched configuration was trained with one seed")
}

// With a feature network of the user's own, the page does not name the built-in one.
func TestCaveatNamesTheFeatureNetwork(t *testing.T) {
	in := fixture(t, 9)
	require.Contains(t, render(t, in), "this project&#39;s own small classifier")
	in.Spec.Evaluate.Features = &sweep.Features{Path: "inception.safetensors"}
	html := render(t, in)
	require.Contains(t, html, "the features of the network in inception.safetensors")
	require.NotContains(t, html, "small classifier")
}
