package sampler

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func priorSpec(method sweep.Method) *sweep.Spec {
	return &sweep.Spec{
		Name: "new", Method: method, Train: sweep.Train{Seed: 1, LR: 1e-3, Steps: 10},
		Parameters: []sweep.Parameter{
			{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1},
			{Name: "lr", Distribution: sweep.DistUniform, Min: 1e-4, Max: 1e-2},
		},
		Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
		Budget:  sweep.Budget{RunCap: 30},
	}
}

// earlierTrials are results of infonce.weight at k/n, least at the weight best.
func earlierTrials(n int, best float64) []sweep.Trial {
	var list []sweep.Trial
	for k := range n {
		x := float64(k) / float64(n)
		t := sweep.Trial{Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 100 + 30*(x-best)*(x-best)}}}
		t.Number, t.Kind, t.Seed, t.Params = k, sweep.KindSearch, 1, sweep.Params{"infonce.weight": sweep.Number(x)}
		list = append(list, t)
	}
	return list
}

// A source has the configurations of the new space, with what its own sweep fixed.
func TestNewSource(t *testing.T) {
	spec, old := priorSpec(sweep.MethodBayes), priorSpec(sweep.MethodRandom)
	old.Name, old.Parameters, old.Train.LR = "old", old.Parameters[:1], 2e-3
	trials := earlierTrials(4, 0.5)
	trials[1].Params = sweep.Params{"infonce.weight": sweep.Number(7)}
	trials[2].Status = sweep.StatusFailed
	trials[3].Kind = sweep.KindBaseline
	s := NewSource(spec, old, trials)
	require.False(t, s.Same, "another learning rate")
	require.Equal(t, "old", s.Sweep)
	require.Len(t, s.Trials, 2, "without the one outside of the range and the failed one")
	require.Equal(t, sweep.Params{"infonce.weight": sweep.Number(0), "lr": sweep.Number(2e-3)}, s.Trials[0].Params)
	require.Equal(t, sweep.KindBaseline, s.Trials[1].Kind, "its limits are relative to its own baseline")
	require.Equal(t, 2, s.Fits(spec))
	old.Train.LR = spec.Train.LR
	s = NewSource(spec, old, trials)
	require.True(t, s.Same)
	require.Equal(t, sweep.KindSearch, s.Trials[1].Kind)
	spec.Metrics[0].Name = "fid.head"
	require.Zero(t, s.Fits(spec))
	require.Empty(t, s.Metrics(spec))
}

// Results of the same training count as observations: the model is used at once, and a
// configuration is tried again only with a seed that it was not trained with.
func TestSameTraining(t *testing.T) {
	spec := priorSpec(sweep.MethodBayes)
	spec.Parameters = spec.Parameters[:1]
	trials := earlierTrials(8, 0.5)
	r := Request{Spec: spec, Prior: []Source{{Sweep: "old", Same: true, Trials: trials}}}
	d, err := Next(r)
	require.NoError(t, err)
	require.InDelta(t, 100, d.Assignment.Reason.Posterior["fid.tail"].Mean, 1, "the model knows the old results")
	require.InDelta(t, 0.5, d.Assignment.Params["infonce.weight"].Float(), 0.1)
	require.Contains(t, d.Assignment.Reason.Note, "8 results of sweep old count as its own")
	require.Zero(t, *d.Assignment.Reason.Seen, "the ledger has none of them")

	require.True(t, newTried(joined(r)).has(trials[0].Params))
	trials[0].Seed = 2
	require.False(t, newTried(joined(r)).has(trials[0].Params))
}

// A model of another training is the mean where the new results agree with it, and is
// dropped where they do not.
func TestPriorModel(t *testing.T) {
	spec := priorSpec(sweep.MethodBayes)
	spec.Parameters = spec.Parameters[:1]
	suggest := func(best float64, own func(x float64) float64) (float64, string) {
		r := Request{Spec: spec, Number: 12, Index: 12, Exact: true, Prior: []Source{{Sweep: "old", Trials: earlierTrials(20, best)}}}
		for k, x := range []float64{0.05, 0.2, 0.35, 0.6, 0.8, 0.95, 0.12, 0.28, 0.7, 0.88, 0.5, 0.43} {
			t := sweep.Trial{Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": own(x)}}}
			t.Number, t.Kind, t.Params = k, sweep.KindSearch, sweep.Params{"infonce.weight": sweep.Number(x)}
			r.Ledger = append(r.Ledger, t)
		}
		params, reason, err := bayes{}.Suggest(r)
		require.NoError(t, err)
		return params["infonce.weight"].Float(), reason.Note
	}
	agrees := func(x float64) float64 { return 5 + 2*(x-0.66)*(x-0.66) }
	at, note := suggest(0.66, agrees)
	require.InDelta(t, 0.66, at, 0.03)
	require.Equal(t, "mean of fid.tail from sweep old", note)
	at, note = suggest(0.1, agrees)
	require.InDelta(t, 0.66, at, 0.1)
	require.Equal(t, "the results agree with no earlier sweep", note)
}

// Each method's first suggestions after a sweep of another training.
func TestPriorFirst(t *testing.T) {
	old := Source{Sweep: "old", Trials: earlierTrials(30, 0.6)}
	for method, note := range map[sweep.Method]string{
		sweep.MethodBayes: "the best configuration of sweep old", sweep.MethodCMAES: "number 1 of sweep old, tried first", sweep.MethodNSGA2: "number 1 of sweep old, tried first",
		sweep.MethodRandom: "sweep old, of another training, does not count",
	} {
		spec := priorSpec(method)
		spec.Parameters = spec.Parameters[:1]
		d, err := Next(Request{Spec: spec, Prior: []Source{old}})
		require.NoError(t, err)
		require.Equal(t, note, d.Assignment.Reason.Note, method)
		if method.Learns() {
			require.InDelta(t, 0.6, d.Assignment.Params["infonce.weight"].Float(), 1e-9)
		}
	}
	spec := priorSpec(sweep.MethodTPE)
	spec.Parameters = spec.Parameters[:1]
	d, err := Next(Request{Spec: spec, Prior: []Source{old}})
	require.NoError(t, err)
	require.InDelta(t, 0.6, d.Assignment.Params["infonce.weight"].Float(), 0.2)
	require.Contains(t, d.Assignment.Reason.Note, "old")
}
