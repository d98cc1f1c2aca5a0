package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// A constraint is shown with its actual value.
func TestExplainConstraints(t *testing.T) {
	limit, err := sweep.ParseConstraint("fid.head <= baseline.fid.head * 1.1")
	require.NoError(t, err)
	spec := &sweep.Spec{Method: sweep.MethodRandom, Constraints: []sweep.Constraint{limit}}
	trial := func(kind sweep.Kind, number int, head float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Kind: kind, Number: number, Params: sweep.Params{"x": sweep.Number(float64(number))}}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": head}}}
	}
	ledger := []sweep.Trial{trial(sweep.KindBaseline, 0, 20), trial(sweep.KindSearch, 1, 22.5), trial(sweep.KindSearch, 2, 21)}
	chance := 0.75
	ledger[1].Reason.Feasible = &chance
	e := explain(spec, ledger, nil, ledger[1], false)
	require.InDelta(t, 22, *e.Constraints[0].Limit, 1e-9)
	require.Equal(t, analysis.Infeasible, e.Constraints[0].Satisfied)
	require.Equal(t, analysis.Feasible, explain(spec, ledger, nil, ledger[2], false).Constraints[0].Satisfied)
	require.Contains(t, explanationText(e), "  feasible     with probability 0.75")
	require.Contains(t, explanationText(e), "  fid.head <= baseline.fid.head * 1.1     22    22.5       -  no")
	ledger[1].Rungs = []sweep.Rung{{Step: 300, Reason: "place 1 of 4"}}
	require.Contains(t, explanationText(explain(spec, ledger, nil, ledger[1], false)), "  rung         step 300: place 1 of 4")
	require.Nil(t, explain(spec, ledger[1:], nil, ledger[1], false).Constraints[0].Limit, "no baseline yet")
}

// explain says the same of a trial as best and pareto: by the mean over the seeds of its
// configuration, and undecided within their noise. The trial alone would be feasible.
func TestExplainIsAsFeasibleAsBest(t *testing.T) {
	limit, err := sweep.ParseConstraint("coverage.head >= 0.5")
	require.NoError(t, err)
	spec := &sweep.Spec{Method: sweep.MethodRandom, Constraints: []sweep.Constraint{limit}, Metrics: []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}}}
	trial := func(number int, head float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Kind: sweep.KindSearch, Number: number, Seed: int64(number), Params: sweep.Params{"x": sweep.Number(1)}}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"kid.tail": 1, "coverage.head": head}}}
	}
	ledger := []sweep.Trial{trial(0, 0.55), trial(1, 0.48), trial(2, 0.5)}
	e := explain(spec, ledger, nil, ledger[0], false)
	require.Equal(t, analysis.Undecided, e.Constraints[0].Satisfied)
	require.Equal(t, analysis.Feasibilities(spec, ledger)[0], e.Feasibility)
	require.InDelta(t, 0.51, *e.Constraints[0].Value, 1e-9)
	lines := explanationText(e)
	require.Contains(t, lines, "  CONSTRAINT            LIMIT  MEAN OF 3 SEEDS  ± 95 %  SATISFIED")
	require.Contains(t, lines, "  coverage.head >= 0.5    0.5             0.51   0.041  undecided")
	require.Contains(t, lines, "  constraints  undecided")
}

// Where the seeds shift all configurations alike, the verdict is on values without their
// effects, and explain says so.
func TestExplainSeedEffects(t *testing.T) {
	limit, err := sweep.ParseConstraint("fid.head <= baseline.fid.head + 1")
	require.NoError(t, err)
	spec := &sweep.Spec{Method: sweep.MethodRandom, Constraints: []sweep.Constraint{limit}}
	var ledger []sweep.Trial
	add := func(kind sweep.Kind, x, head float64, seeds ...int64) {
		for _, seed := range seeds {
			head := head + []float64{0, 30, -25}[seed-1] + 0.1*float64(len(ledger)%2)
			ledger = append(ledger, sweep.Trial{Assignment: sweep.Assignment{Kind: kind, Number: len(ledger), Seed: seed, Params: sweep.Params{"x": sweep.Number(x)}}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": head}}})
		}
	}
	add(sweep.KindBaseline, 0, 100, 1, 2, 3)
	add(sweep.KindSearch, 1, 100, 1, 2, 3)
	add(sweep.KindSearch, 2, 99, 2) // 129
	e := explain(spec, ledger, nil, ledger[6], false)
	require.InDelta(t, 99, *e.Constraints[0].Value, 3)
	require.Equal(t, analysis.Feasible, e.Feasibility)
	require.Contains(t, explanationText(e), "  Values and limits are without the mean effect of their seeds.")
}

// A requested trial is explained by who asked for it, and marked in the table.
func TestRequestedTrials(t *testing.T) {
	spec := &sweep.Spec{Method: sweep.MethodRandom}
	asked := sweep.Trial{Assignment: sweep.Assignment{Number: 1, Kind: sweep.KindSearch, Request: 1, Reason: sweep.Reason{Sampler: sweep.SourceUser, Note: "asked for by ann@here"}}, Status: sweep.StatusCompleted}
	lines := explanationText(explain(spec, []sweep.Trial{asked}, nil, asked, false))
	require.Contains(t, lines, "  source       enqueue: asked for by ann@here")
	require.Contains(t, lines, "  A configuration of a user: tried before the method's own. The method uses its result.")
	other := sweep.Trial{Assignment: sweep.Assignment{Number: 2}}
	require.Equal(t, map[int]string{1: "enqueue"}, requested([]sweep.Trial{asked, other}))
}

// Pending trials are named so that their numbers are not taken for a count.
func TestExplainPendingTrials(t *testing.T) {
	a := sweep.Assignment{Number: 4, Reason: sweep.Reason{Sampler: "bayes", Seen: new(3)}}
	for want, pending := range map[string][]int{"none pending": nil, "pending: trial 3": {3}, "pending: trials 0, 3": {0, 3}} {
		lines := strings.Join(explanationText(Explanation{Assignment: a, Pending: pending}), "\n")
		require.Regexp(t, "3 finished trials[,;] "+want+"(\n|$)", lines)
	}
}
