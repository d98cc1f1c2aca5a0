package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/bench/search/problems"
)

// bayes wins all held-out problems but two against GPSampler and has a tenth of
// its loss elsewhere; TPE has no runs.
func TestReport(t *testing.T) {
	engines := []engine{{Name: "bayes", Version: "b1"}, {Name: "optuna-gp", Version: "5"}, {Name: "optuna-nsga2", Version: "5", Single: false}}
	p := plan{problems: sets["heldout"], engines: engines, budgets: []int{50, 100}, parallels: []int{8}, seeds: 3, first: 1000}
	kept, err := load("", nil)
	require.NoError(t, err)
	for i, name := range p.problems {
		problem, ok := problems.Lookup(name)
		require.True(t, ok)
		for _, budget := range p.budgets {
			for seed := range uint64(3) {
				for _, e := range engines {
					loss := 0.02
					switch {
					case e.Name == "optuna-nsga2" && problem.Objectives == 1:
						continue
					case e.Name == "bayes" && i >= 2:
						loss = 0.2
					}
					if e.Name != "bayes" {
						loss *= 5
					}
					require.NoError(t, kept.add(result{key: keyOf(e, problem, budget, 8, 1000+seed), AskMillis: 7, Losses: []float64{1, loss}}))
				}
			}
		}
	}
	var text strings.Builder
	report{out: &text, kept: kept, plan: p, sets: []string{"heldout"}, speed: []latency{{"bayes", 100, 25, 80}}}.write()
	for _, want := range []string{
		"Versions: bayes b1, optuna-gp 5, optuna-nsga2 5.",
		"| heldout, 100 trials, 8 in flight: below optuna-gp on 90 % of the problems | 2 of 9 | **not met** |",
		"| heldout, 100 trials, 8 in flight: below optuna-nsga2 on 100 % of the constrained problems of two objectives | 0 of 1 | **not met** |",
		"| 20 ms a suggestion at 100 trials | 25 ms | **not met** |",
		"## 50 trials, 8 in flight: heldout problems",
		"| michalewicz5 | **0.02** | 0.1 | |",
		"| osy | 0.2 | **0.1** | **0.1** |",
		"| *problems won* | 2 | 6.5 | 0.5 |",
		"| *runs that bayes wins* | | 22 % | 0 % |",
		"| bayes | 100 | 25 | 80 |",
	} {
		require.Contains(t, text.String(), want)
	}
	require.NotContains(t, text.String(), "TPE everywhere", "it has no runs")
}
