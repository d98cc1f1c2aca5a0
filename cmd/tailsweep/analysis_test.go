package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/results"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

const analysedSpec = `apiVersion: tailsweep/v1
name: analysed
method: bayes
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
train: {steps: 100, batch: 16, seed: 1}
parameters:
  infonce.weight:   {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  alignment.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  infonce.temperature: {min: 0.05, max: 1, when: "infonce.weight > 0"}
metrics: [{name: fid.tail, goal: minimize}, {name: fid.head, goal: minimize}]
constraints: ["fid.head <= baseline.fid.head + 4"]
baseline: {params: {infonce.weight: 0, alignment.weight: 0}, seeds: [1, 2, 3]}
repeats: {seeds: [2, 3], share: 0.3}
budget: {run_cap: 40}
`

// analysed is a store with a sweep of three baseline trials, n settings and a
// second and third seed of two of them. Only infonce.weight matters: it helps the
// tail and harms the head.
func analysed(t *testing.T, n int) store.Store {
	t.Helper()
	spec, err := specfile.Parse("analysed.yaml", []byte(analysedSpec))
	require.NoError(t, err)
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	clitest.Begin(t, arc, spec, []byte(analysedSpec))
	rng := rand.New(rand.NewPCG(4, 2))
	var trials []sweep.Trial
	add := func(kind sweep.Kind, p sweep.Params, seed int64) {
		w := math.Log10(p["infonce.weight"].Float()+1e-3) + 3
		trials = append(trials, sweep.Trial{
			Assignment: sweep.Assignment{Number: len(trials), Kind: kind, Params: p, Seed: seed},
			Status:     sweep.StatusCompleted, Steps: 100, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.25)}, Attempts: 1,
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 60 - 6*w + 0.5*rng.NormFloat64(), "fid.head": 20 + w*w + 0.5*rng.NormFloat64()}},
		})
	}
	for seed := range int64(3) {
		add(sweep.KindBaseline, clitest.Weights(0, 0), seed+1)
	}
	weight := func() sweep.Value {
		if rng.Float64() < 0.2 {
			return sweep.Number(0)
		}
		return sweep.Number(math.Exp(math.Log(1e-3) + rng.Float64()*math.Log(3000)))
	}
	for range n {
		p := sweep.Params{"infonce.weight": weight(), "alignment.weight": weight()}
		if p["infonce.weight"].Float() > 0 {
			p["infonce.temperature"] = sweep.Number(0.05 + 0.95*rng.Float64())
		}
		add(sweep.KindSearch, p, 1)
	}
	for _, number := range []int{5, 6} {
		for _, seed := range []int64{2, 3} {
			add(sweep.KindSearch, trials[number].Params, seed)
		}
	}
	require.NoError(t, arc.AppendSegment(t.Context(), "analysed", 0, trials))
	return objects
}

func TestAnalysisForPeople(t *testing.T) {
	objects := analysed(t, 40)
	for _, verb := range []string{"best", "pareto", "importance", "trials"} {
		r := cmdline(t, objects, "", verb, "analysed")
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		clitest.Golden(t, "analysed-"+verb+".txt", r.out)
	}
}

func TestAnalysisAsJSON(t *testing.T) {
	objects := analysed(t, 40)
	read := func(v any, arguments ...string) {
		r := cmdline(t, objects, "", append(arguments, "analysed", "-o", "json")...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.NoError(t, json.Unmarshal([]byte(r.out), v))
	}
	var trials []trialview.Trial
	read(&trials, "trials")
	require.Len(t, trials, 47)
	byNumber := map[int]analysis.Feasibility{}
	for _, trial := range trials {
		require.Contains(t, []analysis.Feasibility{analysis.Feasible, analysis.Infeasible, analysis.Undecided}, trial.Feasibility)
		byNumber[trial.Number] = trial.Feasibility
	}
	var best results.BestTrial
	read(&best, "best")
	require.Equal(t, analysis.Feasible, best.Feasibility)
	require.Equal(t, best.Number, best.Contest.Best)
	require.Positive(t, best.Contest.Freedom)
	require.InDelta(t, 0.5, best.Contest.Noise, 0.3)
	for _, number := range best.Contest.Level {
		require.Equal(t, analysis.Feasible, byNumber[number])
	}

	var f results.Front
	read(&f, "pareto")
	require.NotEmpty(t, f.Trials)
	require.Positive(t, *f.Hypervolume)
	for _, trial := range f.Trials {
		require.NotEqual(t, analysis.Infeasible, trial.Feasibility)
	}
	var nearer results.Front
	read(&nearer, "pareto", "--reference", "fid.tail=58,fid.head=22")
	require.Equal(t, map[string]float64{"fid.tail": 58, "fid.head": 22}, nearer.Reference)
	require.NotEqual(t, *f.Hypervolume, *nearer.Hypervolume)

	var found []analysis.Importance
	read(&found, "importance")
	require.Len(t, found, 2, "a metric each")
	require.Equal(t, "fid.head", found[1].Metric)
	for _, im := range found {
		require.Equal(t, "infonce.weight", im.Global.Parameters[0].Name)
		require.False(t, im.Global.Parameters[0].Noise)
	}
	read(&found, "importance", "--metric", "fid.head", "--top", "0.3")
	require.Len(t, found, 1)
	require.Equal(t, 39, found[0].Global.Configurations, "two of the 40 are equal, and the baseline is not searched")
	require.Equal(t, 12, found[0].Global.Top)
}

func TestBadReference(t *testing.T) {
	objects := analysed(t, 3)
	for text, want := range map[string]string{
		"fid.tail=1": "no value for fid.head", "fid.tail=1,fid.head=x": `fid.head="x" is not a number`, "fid.tail=1,fid.head=NaN": "is not a number",
		"fid.tail=1,fid.head=2,loss=3": `"loss" is not a metric of the spec (valid: fid.tail, fid.head`,
	} {
		r := cmdline(t, objects, "", "pareto", "analysed", "--reference", text)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, want)
	}
}

func TestImportanceOfTooFewTrials(t *testing.T) {
	r := cmdline(t, analysed(t, 3), "", "importance", "analysed")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.Err, "needs 20 finished configurations of the search")
	require.Empty(t, r.out)
}
