package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile/specfiletest"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func ptr(f float64) *float64 { return &f }

func TestGates(t *testing.T) {
	g := &sweep.Gates{MinLabelAccuracy: ptr(0.8), MaxMemorisedRatio: ptr(0)}
	metrics := map[string]float64{"label_accuracy.all": 0.8, "memorised_ratio.all": 0, "label_accuracy.tail": 0.1}
	require.Empty(t, g.Failures(metrics), "bounds themselves are allowed")
	metrics["memorised_ratio.all"] = 0.0123456
	require.Equal(t, []string{"memorised_ratio.all is 0.01235, gates.max_memorised_ratio is 0"}, g.Failures(metrics))
	delete(metrics, "memorised_ratio.all")
	metrics["label_accuracy.all"] = 0.7
	require.Equal(t, []string{
		"label_accuracy.all is 0.7, gates.min_label_accuracy is 0.8",
		"memorised_ratio.all was not measured, gates.max_memorised_ratio is 0",
	}, g.Failures(metrics))
	require.Empty(t, (&sweep.Gates{}).Failures(metrics))
	require.Empty(t, (*sweep.Gates)(nil).Failures(metrics))

	spec := specfiletest.Parse(t, spectest.Base+"gates: {max_memorised_ratio: 0.05}\n")
	require.Nil(t, spec.Gates.MinLabelAccuracy)
	require.InDelta(t, 0.05, *spec.Gates.MaxMemorisedRatio, 0)
}

// A trial that failed a gate has no rank, however good its objective is.
func TestFailedGatesHaveNoRank(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.Base)
	name := spec.Metrics[0].Name
	trial := func(number int, value float64, gates ...string) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(float64(number))}},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{name: value}}, Gates: gates,
		}
	}
	trials := []sweep.Trial{trial(0, 3), trial(1, 1, "it copies"), trial(2, 2)}
	numbers := func(trials []sweep.Trial) (list []int) {
		for _, t := range trials {
			list = append(list, t.Number)
		}
		return list
	}
	require.Equal(t, []int{2, 0}, numbers(Rank(spec, trials, "")))
	require.Equal(t, []int{2, 0}, numbers(ByMetrics(spec, trials)))
	require.Equal(t, []int{2}, numbers(Pareto(spec, trials)))
	require.Len(t, Configurations(spec, trials, ""), 2)
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2}}
	require.Equal(t, []int{2, 0}, numbers(Rank(spec, trials, "")))
	_, ok := Best(spec, trials[1:2], "")
	require.False(t, ok, "nothing is better than something that failed")
}

func TestGatedText(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.Base)
	name := spec.Metrics[0].Name
	trial := func(number int, value float64, gates ...string) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Number: number}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{name: value}}, Gates: gates}
	}
	require.Empty(t, GatedText(spec, []sweep.Trial{{Status: sweep.StatusFailed}}, ""))
	trials := []sweep.Trial{trial(0, 31.5, "a is 1, gates.a is 2", "b"), trial(1, 32, "c")}
	require.Equal(t, "1 trial completed with a value of "+name+", but it failed a gate; this one, trial 1, has 32: c", GatedText(spec, trials[1:], ""))
	require.Equal(t, "2 trials completed with a value of "+name+", but all failed a gate; the best, trial 0, has 31.5: a is 1, gates.a is 2; b", GatedText(spec, trials, ""))
	require.Empty(t, GatedText(spec, trials, "kid.head"), "which none has")
}

func TestMetricsOfClasses(t *testing.T) {
	info, ok := sweep.LookupMetric("fid.class.ankle_boot")
	require.True(t, ok)
	require.Equal(t, sweep.Minimize, info.Goal)
	for _, name := range []string{"fid.class.", "fid.class.a b", "kid.class.bag", "fid.classy"} {
		_, ok := sweep.LookupMetric(name)
		require.False(t, ok, name)
	}
	spec := specfiletest.Parse(t, spectest.With("metrics: [{name: fid.class.bag}, {name: cas.tail}]", "evaluate: {samples_per_class: 128}"))
	require.Equal(t, []sweep.Objective{{Name: "fid.class.bag", Goal: sweep.Minimize}, {Name: "cas.tail", Goal: sweep.Maximize}}, spec.Metrics)
	require.True(t, spec.MeasuresCAS())
	at := spec.AtRung()
	require.True(t, at.MeasuresCAS(), "the search is by it")
	spec.Metrics, spec.Evaluate.CAS = spec.Metrics[:1], true
	require.True(t, spec.MeasuresCAS())
	at = spec.AtRung()
	require.False(t, at.MeasuresCAS(), "a training at each rung that nobody looks at")
	require.Equal(t, []string{"fid.tail", "cas.all", "fid.class.a", "fid.class.b", "loss_of_hope"}, // the last is of a program
		sweep.MetricNames(map[string]float64{"fid.class.b": 1, "cas.all": 1, "fid.class.a": 1, "fid.tail": 1, "loss_of_hope": 1}))
}
