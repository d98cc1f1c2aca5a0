package sampler

import (
	"math"
	"math/rand/v2"
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

// Metrics matter only where guidance scales are chosen by them.
func TestDifferentTraining(t *testing.T) {
	spec, old := priorSpec(sweep.MethodBayes), priorSpec(sweep.MethodRandom)
	require.Empty(t, DifferentTraining(spec, old))
	old.Metrics[0].Name = "fid.head"
	old.Train.LR, old.Model.Width = 1, 8
	require.Equal(t, []string{"model", "train"}, DifferentTraining(spec, old))
	spec.Evaluate.Guidance = []float64{0, 1}
	require.Equal(t, []string{"model", "train", "evaluate", "metrics"}, DifferentTraining(spec, old))
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

// A sweep with the seed of an earlier one does not repeat the configurations whose results
// it has.
func TestRandomSkipsTheConfigurationsOfAnEarlierSweep(t *testing.T) {
	spec := priorSpec(sweep.MethodRandom)
	spec.Parameters = spec.Parameters[:1]
	const count = 5
	draw := func(prior ...Source) (trials []sweep.Trial) {
		b, err := Several(Request{Spec: spec, Prior: prior}, count)
		require.NoError(t, err)
		for _, a := range b.Assignments {
			trials = append(trials, sweep.Trial{Assignment: a})
		}
		return trials
	}
	old := draw()
	again := draw(Source{Sweep: "old", Same: true, Trials: old})
	require.Len(t, again, count)
	for i, a := range again {
		require.NotEqual(t, old[i].Params.Key(), a.Params.Key())
	}
	for number := range count { // with results of its own
		ended := again[0]
		ended.Number, ended.Status = 0, sweep.StatusCancelled
		d, err := Next(Request{Spec: spec, Prior: []Source{{Sweep: "old", Same: true, Trials: old}}, Ledger: []sweep.Trial{ended}, Number: number, Index: number})
		require.NoError(t, err)
		require.NotEqual(t, old[number].Params.Key(), d.Assignment.Params.Key(), number)
	}
	for i := range old {
		old[i].Seed++
	}
	require.Equal(t, draw()[0].Params, draw(Source{Sweep: "old", Same: true, Trials: old})[0].Params, "it was not trained with this seed")
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
	require.Equal(t, "mean of fid.tail from sweep old; lengthscales near those of fid.tail from sweep old; the results agree with sweep old (p = 0.001)", note)
	at, note = suggest(0.1, agrees)
	require.InDelta(t, 0.66, at, 0.1)
	require.Equal(t, "lengthscales near those of fid.tail from sweep old; the results are the reverse of sweep old (p = 0.001)", note, "and not by a linear map, so that it is not the mean")
}

// own are trials of a search of priorSpec, with the result of f.
func own(spec *sweep.Spec, f func(x float64) float64, at ...float64) (list []sweep.Trial) {
	for k, x := range at {
		t := sweep.Trial{Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": f(x)}}}
		t.Number, t.Kind, t.Seed, t.Params = k, sweep.KindSearch, spec.Train.Seed, sweep.Params{"infonce.weight": sweep.Number(x)}
		list = append(list, t)
	}
	return list
}

// The first trials of each method are probes of the earlier sweeps in turn; those after
// them are the first ones of a search from nothing.
func TestProbes(t *testing.T) {
	old, older := Source{Sweep: "old", Trials: earlierTrials(30, 0.6)}, Source{Sweep: "older", Trials: earlierTrials(30, 0.2)}
	for _, method := range []sweep.Method{sweep.MethodBayes, sweep.MethodTPE, sweep.MethodCMAES, sweep.MethodNSGA2} {
		spec := priorSpec(method)
		spec.Parameters = spec.Parameters[:1]
		next := func(r Request) sweep.Assignment {
			r.Spec = spec
			d, err := Next(r)
			require.NoError(t, err)
			return d.Assignment
		}
		first := next(Request{Prior: []Source{old}})
		require.Equal(t, "the best configuration of sweep old; sweep old: 0 of the 4 results that test it", first.Reason.Note)
		require.InDelta(t, 0.6, first.Params["infonce.weight"].Float(), 1e-9)
		second := next(Request{Prior: []Source{old}, Number: 1, Index: 1, Pending: []sweep.Assignment{first}})
		require.Contains(t, second.Reason.Note, "by the model of sweep old; ")
		require.InDelta(t, 0.6, second.Params["infonce.weight"].Float(), 0.1)
		require.NotEqual(t, first.Params, second.Params)
		second = next(Request{Prior: []Source{old, older}, Number: 1, Index: 1, Pending: []sweep.Assignment{first}})
		require.Contains(t, second.Reason.Note, "the best configuration of sweep older; ")
		third := next(Request{Prior: []Source{old}, Number: 2, Index: 2, Pending: []sweep.Assignment{first, second}})
		require.Equal(t, next(Request{}).Params, third.Params, method)
		require.Contains(t, third.Reason.Note, "a point of the Sobol sequence; sweep old: 0 of the 4 results that test it")
	}
	spec := priorSpec(sweep.MethodRandom)
	d, err := Next(Request{Spec: spec, Prior: []Source{old}})
	require.NoError(t, err)
	require.Equal(t, "sweep old, of another training, does not count", d.Assignment.Reason.Note)
}

// Where the results do not agree with an earlier sweep, it leads each method by its
// lengthscales alone, from the third result up to guided; after these tpe, cmaes and nsga2
// suggest what they would from nothing. Where the results agree, or are the reverse, the
// suggestions before the method's own start is over are near the best by the earlier sweep.
func TestTrust(t *testing.T) {
	old := Source{Sweep: "old", Trials: earlierTrials(30, 0.6)}
	at := []float64{0.6, 0.5, 0.9, 0.3, 0.1, 0.75, 0.02, 0.42, 0.83, 0.21, 0.97, 0.13, 0.68, 0.35, 0.55, 0.26, 0.79, 0.47, 0.06, 0.88, 0.16, 0.71, 0.38, 0.63}
	for _, method := range []sweep.Method{sweep.MethodBayes, sweep.MethodTPE, sweep.MethodCMAES, sweep.MethodNSGA2} {
		spec := priorSpec(method)
		spec.Parameters = spec.Parameters[:1]
		suggest := func(index int, ledger []sweep.Trial, prior ...Source) (sweep.Params, sweep.Reason) {
			params, reason, err := methods[method].Suggest(Request{Spec: spec, Ledger: ledger, Number: len(ledger), Index: index, Prior: prior})
			require.NoError(t, err)
			return params, reason
		}
		for n := 2; n <= 24; n += 1 + n/5*4 {
			unrelated := own(spec, func(x float64) float64 { return math.Cos(50 * x) }, at[:n]...)
			params, reason := suggest(n, unrelated, old)
			led := n >= bayesStart-1 && (n < guided || method == sweep.MethodBayes)
			if led {
				require.Contains(t, reason.Note, "lengthscales near those of fid.tail from sweep old; ", "%s after %d", method, n)
				require.NotContains(t, reason.Note, "mean of")
			} else {
				want, because := suggest(n-probes, unrelated)
				require.Equal(t, want, params, "%s after %d", method, n)
				require.Equal(t, because.Acquisition, reason.Acquisition)
				require.NotContains(t, reason.Note, "lengthscales")
			}
			if n >= leastTested {
				require.Contains(t, reason.Note, "the results do not agree with sweep old (p = 0.")
			}
		}
		many := make([]float64, mostTested)
		for i := range many {
			many[i] = float64(i) / mostTested
		}
		_, reason := suggest(mostTested, own(spec, func(x float64) float64 { return (x - 0.6) * (x - 0.6) }, many...), old)
		require.Contains(t, reason.Note, "sweep old does not count after 60 results")
		alike := own(spec, func(x float64) float64 { return 7 + 0.1*(x-0.62)*(x-0.62) }, at[:9]...)
		var params sweep.Params
		params, reason = suggest(9, alike, old)
		require.Contains(t, reason.Note, "mean of fid.tail from sweep old; lengthscales near those of fid.tail from sweep old; the results agree with sweep old (p = 0.0")
		require.InDelta(t, 0.62, params["infonce.weight"].Float(), 0.1, method)
		reverse := own(spec, func(x float64) float64 { return 7 - 0.1*(x-0.62)*(x-0.62) }, at[:9]...)
		params, reason = suggest(9, reverse, old)
		require.Contains(t, reason.Note, "the results are the reverse of sweep old (p = 0.0")
		require.InDelta(t, 0, params["infonce.weight"].Float(), 0.1, method)
	}
}

// A metric that has the same value in all results says nothing; the others decide.
func TestTrustWithAConstantMetric(t *testing.T) {
	spec := priorSpec(sweep.MethodBayes)
	spec.Parameters = spec.Parameters[:1]
	spec.Metrics = append(spec.Metrics, sweep.Objective{Name: "recall.tail", Goal: sweep.Maximize})
	at := []float64{0.6, 0.5, 0.9, 0.3, 0.1, 0.75, 0.02, 0.42, 0.83}
	old, results := earlierTrials(30, 0.6), own(spec, func(x float64) float64 { return 7 + (x-0.6)*(x-0.6) }, at...)
	for i, trial := range old {
		trial.Metrics["recall.tail"] = float64(i)
	}
	for _, trial := range results {
		trial.Metrics["recall.tail"] = 1
	}
	test := func() *call {
		c := newCall(Request{Spec: spec, Ledger: results, Prior: []Source{{Sweep: "old", Trials: old}}})
		c.test(c.priors()[0])
		return c
	}
	require.Len(t, test().learned.trusted, 1)
	for _, trial := range results {
		trial.Metrics["fid.tail"] = 1
	}
	require.Empty(t, test().learned.trusted, "no metric is left")
}

// trustLevel is the level of two tests: of results that have nothing to do with the earlier
// sweep few are found to agree with it, or to be its reverse.
func TestTrustOfUnrelatedResults(t *testing.T) {
	spec := priorSpec(sweep.MethodBayes)
	rng := rand.New(rand.NewPCG(1, 2))
	agree := 0
	const tries = 200
	for range tries {
		at := make([]float64, 8)
		for i := range at {
			at[i] = rng.Float64()
		}
		spec.Seed++
		spec.Parameters = spec.Parameters[:1]
		c := newCall(Request{Spec: spec, Ledger: own(spec, func(float64) float64 { return rng.NormFloat64() }, at...), Prior: []Source{{Sweep: "old", Trials: earlierTrials(10, 0.6)}}})
		c.test(c.priors()[0])
		agree += len(c.learned.trusted)
	}
	require.InDelta(t, 2*trustLevel, float64(agree)/tries, 0.04)
}

func TestRanks(t *testing.T) {
	require.Equal(t, []float64{3, 0.5, 2, 0.5}, ranks([]float64{9, -1, 4, -1}))
}

// The lengthscales of an earlier sweep, longer or shorter, are those of a process of a few
// results that do not agree with it; of several sweeps those of the one that they agree
// with come first.
func TestLengthscalesOfAnEarlierSweep(t *testing.T) {
	spec := priorSpec(sweep.MethodBayes)
	spec.Parameters = spec.Parameters[:1]
	source := func(name string, f func(x float64) float64) Source {
		var at []float64
		for k := range 30 {
			at = append(at, float64(k)/30)
		}
		return Source{Sweep: name, Trials: own(spec, f, at...)}
	}
	smooth, rough := source("smooth", func(x float64) float64 { return (x - 0.6) * (x - 0.6) }), source("rough", func(x float64) float64 { return math.Sin(47 * x) })
	at := []float64{0.05, 0.3, 0.45, 0.6, 0.8, 0.95}
	unrelated := own(spec, func(x float64) float64 { return math.Cos(100 * x) }, at...)
	length := func(ledger []sweep.Trial, prior ...Source) (float64, string) {
		_, reason, err := bayes{}.Suggest(Request{Spec: spec, Exact: true, Number: 8, Index: 8, Ledger: ledger, Prior: prior})
		require.NoError(t, err)
		return reason.Hyper["length.infonce.weight"], reason.Note
	}
	none, _ := length(unrelated)
	long, note := length(unrelated, smooth)
	require.Contains(t, note, "lengthscales near those of fid.tail from sweep smooth; the results do not agree")
	short, _ := length(unrelated, rough)
	require.Greater(t, long, 1.2*none)
	require.Less(t, short, none/1.2)

	agrees := own(spec, func(x float64) float64 { return 3 + 7*(x-0.6)*(x-0.6) }, at...)
	_, note = length(agrees, rough, smooth)
	require.Contains(t, note, "lengthscales near those of fid.tail from sweep smooth; ")
}
