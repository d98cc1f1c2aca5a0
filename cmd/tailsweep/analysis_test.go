package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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

// best, trials, explain, pareto and the report say the same of the same trials: which is the
// best, by which value, whether it is feasible, and whether the front has a hypervolume.
func TestVerbsAgree(t *testing.T) {
	type trial struct {
		weight     float64
		seed       int64
		tail, head float64
		deviation  float64 // of head
	}
	const repeats = "repeats: {seeds: [2, 3], share: 0.3}\n"
	for name, c := range map[string]struct {
		constraint string
		repeats    bool
		baseline   []trial
		trials     []trial
		best       int
		of         analysis.Feasibility
		volume     string // why there is none
	}{
		"feasible by its own values":     {"fid.head <= baseline.fid.head + 4", false, []trial{{0, 1, 60, 20, 0}}, []trial{{1, 1, 50, 21, 0}, {2, 1, 40, 30, 0}}, 1, analysis.Feasible, ""},
		"undecided by the images":        {"fid.head <= baseline.fid.head + 4", false, []trial{{0, 1, 60, 20, 3}}, []trial{{1, 1, 50, 21, 3}, {2, 1, 40, 30, 0.1}}, 0, analysis.Feasible, ""},
		"none is known to be feasible":   {"fid.head <= 20", false, []trial{{0, 1, 60, 20.5, 3}}, []trial{{1, 1, 50, 19, 3}, {2, 1, 40, 30, 0.1}}, 1, analysis.Undecided, "no trial of the front is known to be feasible: the constraints are undecided"},
		"none is feasible":               {"fid.head <= 10", false, []trial{{0, 1, 60, 20, 0}}, []trial{{1, 1, 50, 19, 1}, {2, 1, 40, 30, 1}}, 2, analysis.Infeasible, "no trial is feasible"},
		"feasible by means over seeds":   {"fid.head <= baseline.fid.head + 4", true, []trial{{0, 1, 60, 20, 0}, {0, 2, 62, 20.4, 0}}, []trial{{1, 1, 55, 21, 9}, {1, 2, 45, 21.2, 9}, {2, 1, 51, 21, 9}}, 2, analysis.Feasible, ""},
		"undecided by means over seeds":  {"fid.head <= baseline.fid.head + 1", true, []trial{{0, 1, 60, 20, 0}, {0, 2, 62, 24, 0}}, []trial{{1, 1, 55, 26, 0}, {1, 2, 45, 18, 0}}, 0, analysis.Feasible, ""},
		"infeasible by means over seeds": {"fid.head <= 10", true, []trial{{0, 1, 60, 20, 0}, {0, 2, 62, 20.4, 0}}, []trial{{1, 1, 55, 21, 0}, {1, 2, 45, 21.2, 0}, {2, 1, 51, 21, 0}}, 2, analysis.Infeasible, "no trial is feasible"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(analysedSpec, "fid.head <= baseline.fid.head + 4", c.constraint, 1)
			if !c.repeats {
				text = strings.Replace(text, repeats, "", 1)
			}
			spec, err := specfile.Parse("analysed.yaml", []byte(text))
			require.NoError(t, err)
			objects := storetest.NewMemory()
			arc := archive.New(objects)
			clitest.Begin(t, arc, spec, []byte(text))
			var ledger []sweep.Trial
			add := func(kind sweep.Kind, list []trial) {
				for _, r := range list {
					ledger = append(ledger, sweep.Trial{
						Assignment: sweep.Assignment{Number: len(ledger), Kind: kind, Params: clitest.Weights(r.weight, 0), Seed: r.seed, Reason: sweep.Reason{Seen: new(0)}},
						Status:     sweep.StatusCompleted, Steps: 100, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.25)}, Attempts: 1,
						Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": r.tail, "fid.head": r.head}, StandardError: map[string]float64{"fid.head": r.deviation}},
					})
				}
			}
			add(sweep.KindBaseline, c.baseline)
			add(sweep.KindSearch, c.trials)
			require.NoError(t, arc.AppendSegment(t.Context(), "analysed", 0, ledger))
			read := func(v any, arguments ...string) {
				r := cmdline(t, objects, "", append(arguments, "-o", "json")...)
				require.Equal(t, cli.ExitOK, r.Code, r.Err)
				require.NoError(t, json.Unmarshal([]byte(r.out), v))
			}

			var best results.BestTrial
			read(&best, "best", "analysed")
			require.Equal(t, c.best, best.Number)
			require.Equal(t, c.of, best.Feasibility)
			of := map[int]analysis.Feasibility{}
			var trials []trialview.Trial
			read(&trials, "trials", "analysed")
			for _, r := range trials {
				of[r.Number] = r.Feasibility
			}
			require.Equal(t, c.of, of[c.best])
			for number, want := range of {
				var e results.Explanation
				read(&e, "explain", "analysed", fmt.Sprint(number))
				require.Equal(t, want, e.Feasibility, "explain %d", number)
				require.Equal(t, want, e.Constraints[0].Satisfied, "explain %d: the only constraint", number)
			}
			var front results.Front
			read(&front, "pareto", "analysed")
			require.Equal(t, c.volume, front.NoVolume)
			require.Equal(t, c.volume == "", front.Hypervolume != nil)
			shown := best.Metrics["fid.tail"]
			for _, r := range front.Trials {
				require.Equal(t, of[r.Number], r.Feasibility, "pareto")
				require.Equal(t, c.repeats, r.Mean != nil)
				if c.repeats && r.Number == c.best {
					require.Equal(t, best.Mean, r.Mean)
				}
			}
			if c.repeats {
				shown = best.Mean.Values["fid.tail"]
			}
			page := filepath.Join(t.TempDir(), "report.html")
			r := cmdline(t, objects, "", "report", "analysed", "--to", page)
			require.Equal(t, cli.ExitOK, r.Code, r.Err)
			data, err := os.ReadFile(page)
			require.NoError(t, err)
			html := string(data)
			require.Contains(t, html, "By the constraints it is "+c.of.OfBest()+".")
			require.Regexp(t, fmt.Sprintf("(rial %d has the best|trial %d, has the best) fid.tail[^.]*: %.4g", c.best, c.best, shown), html)
			if c.volume != "" {
				require.Contains(t, html, "No hypervolume: "+c.volume+".")
			} else {
				require.NotContains(t, html, "No hypervolume")
			}
			for number, want := range of {
				require.Regexp(t, fmt.Sprintf(`<th scope="row">%d</th><td class="text">completed[^\n]*<span class="note">%s</span>`, number, want), html)
			}
		})
	}
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
