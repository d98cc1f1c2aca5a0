package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// line is a sweep over one weight, with results of f at the given values.
func line(goal sweep.Goal, f func(w float64) float64, at ...float64) Request {
	r := Request{Exact: true, Spec: &sweep.Spec{
		Method:     sweep.MethodBayes,
		Train:      sweep.Train{Seed: 1},
		Parameters: []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}},
		Metrics:    []sweep.Objective{{Name: "fid.tail", Goal: goal}},
	}}
	for _, w := range at {
		r.Ledger = append(r.Ledger, sweep.Trial{
			Assignment: sweep.Assignment{Number: r.Number, Params: weight(w), Seed: 1},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": f(w)}},
		})
		r.Number++
	}
	return r
}

func weight(w float64) sweep.Params { return sweep.Params{"infonce.weight": sweep.Number(w)} }

func suggested(t *testing.T, r Request) (w float64, reason sweep.Reason) {
	t.Helper()
	params, reason, err := bayes{}.Suggest(r)
	require.NoError(t, err)
	require.Empty(t, reason.Note, "the model chose")
	return params["infonce.weight"].Float(), reason
}

func valley(w float64) float64 { return 30 + 40*(w-0.3)*(w-0.3) }

func TestBayesFollowsTheGoal(t *testing.T) {
	at := []float64{0, 0.15, 0.45, 0.6, 0.8, 1}
	w, reason := suggested(t, line(sweep.Minimize, valley, at...))
	require.InDelta(t, 0.3, w, 0.1)
	require.InDelta(t, 30, reason.Posterior["fid.tail"].Mean, 1, "in the metric's own units")
	require.Positive(t, reason.Posterior["fid.tail"].StdDev)
	require.Contains(t, reason.Hyper, "length.infonce.weight")
	require.Nil(t, reason.Feasible)

	w, reason = suggested(t, line(sweep.Maximize, func(w float64) float64 { return -valley(w) }, at...))
	require.InDelta(t, 0.3, w, 0.1)
	require.InDelta(t, -30, reason.Posterior["fid.tail"].Mean, 1)
}

// A second worker gets another configuration than the first, and one that could still
// improve on a good result of the first.
func TestBayesKeepsAwayFromPendingTrials(t *testing.T) {
	r := line(sweep.Minimize, valley, 0, 0.15, 0.45, 0.6, 0.8, 1)
	first, before := suggested(t, r)
	r.Pending = []sweep.Assignment{{Number: 6, Params: weight(first), Seed: 1}}
	second, after := suggested(t, r)
	require.Greater(t, math.Abs(first-second), 1e-3)
	require.Less(t, after.Acquisition, before.Acquisition)
}

func TestBayesLeavesWhereTrialsDiverge(t *testing.T) {
	slope := func(w float64) float64 { return 30 - 10*w } // better and better towards 1
	r := line(sweep.Minimize, slope, 0, 0.1, 0.2, 0.3, 0.4, 0.5)
	w, _ := suggested(t, r)
	require.Greater(t, w, 0.5)
	for i, at := range []float64{0.55, 0.6, 0.7, 0.8, 0.9, 1} {
		r.Ledger = append(r.Ledger, sweep.Trial{Assignment: sweep.Assignment{Number: 6 + i, Params: weight(at), Seed: 1}, Status: sweep.StatusDiverged})
	}
	w, _ = suggested(t, r)
	require.Less(t, w, 0.55)
}

// A failed trial, and one whose results are not finite, say nothing about a configuration.
func TestBayesIgnoresTrialsWithoutResults(t *testing.T) {
	r := line(sweep.Minimize, valley, 0, 0.15, 0.45, 0.6)
	want, _ := suggested(t, r)
	noise := sweep.Trial{Assignment: sweep.Assignment{Params: weight(0.9), Seed: 1}, Status: sweep.StatusFailed, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": -1e9}}}
	r.Ledger = append(r.Ledger, noise)
	noise.Params, noise.Status, noise.Metrics = weight(0.95), sweep.StatusCompleted, map[string]float64{"fid.tail": math.NaN()}
	r.Ledger = append(r.Ledger, noise)
	got, _ := suggested(t, r)
	require.InDelta(t, want, got, 1e-9)
}

func TestBayesFollowsSobolWithoutAModel(t *testing.T) {
	for name, r := range map[string]Request{
		"three results":  line(sweep.Minimize, valley, 0, 0.5, 1),
		"no such metric": {Spec: line(sweep.Minimize, valley).Spec},
	} {
		params, reason, err := bayes{}.Suggest(r)
		require.NoError(t, err, name)
		require.Contains(t, reason.Note, "Sobol", name)
		require.Len(t, params, 1)
	}
}

// The unconstrained best is at 0.3, and no result above a head FID of 20 counts.
func TestBayesSatisfiesTheConstraint(t *testing.T) {
	head := func(w float64) float64 { return 26 - 10*w } // 20 at 0.6
	r := line(sweep.Minimize, valley, 0, 0.2, 0.4, 0.7, 0.85, 1)
	constraint, err := sweep.ParseConstraint("fid.head <= baseline.fid.head * 0.8")
	require.NoError(t, err)
	r.Spec.Constraints = []sweep.Constraint{constraint}
	for i := range r.Ledger {
		r.Ledger[i].Metrics["fid.head"] = head(r.Ledger[i].Params["infonce.weight"].Float())
	}
	w, _ := suggested(t, r)
	require.InDelta(t, 0.3, w, 0.1, "no baseline yet: the constraint is not known")

	base := r.Ledger[0]
	base.Kind, base.Params, base.Seed = sweep.KindBaseline, sweep.Params{"lr": sweep.Number(1)}, 9
	base.Metrics = map[string]float64{"fid.head": 25, "fid.tail": 50}
	r.Ledger = append(r.Ledger, base)
	w, reason := suggested(t, r)
	require.InDelta(t, 0.6, w, 0.05)
	require.Greater(t, *reason.Feasible, 0.3)
}

// Two bowls, at 0.2 and 0.8: what is between them is the front.
func TestBayesFillsTheFront(t *testing.T) {
	r := line(sweep.Minimize, func(w float64) float64 { return (w - 0.2) * (w - 0.2) }, 0, 0.1, 0.2, 0.25, 0.8, 1)
	r.Spec.Metrics = append(r.Spec.Metrics, sweep.Objective{Name: "fid.head", Goal: sweep.Minimize})
	for i := range r.Ledger {
		w := r.Ledger[i].Params["infonce.weight"].Float()
		r.Ledger[i].Metrics["fid.head"] = (w - 0.8) * (w - 0.8)
	}
	w, reason := suggested(t, r)
	require.True(t, w > 0.3 && w < 0.75, "got %g", w)
	require.Len(t, reason.Posterior, 2)
	require.Contains(t, reason.Hyper, "fid.head.length.infonce.weight")
}

func TestBayesCombinesManyObjectives(t *testing.T) {
	r := line(sweep.Minimize, valley, 0, 0.2, 0.4, 0.6, 0.8, 1)
	for _, name := range []string{"fid.head", "fid.all", "fid.medium", "loss"} {
		r.Spec.Metrics = append(r.Spec.Metrics, sweep.Objective{Name: name, Goal: sweep.Minimize})
		for i := range r.Ledger {
			r.Ledger[i].Metrics[name] = valley(r.Ledger[i].Params["infonce.weight"].Float())
		}
	}
	params, reason, err := bayes{}.Suggest(r)
	require.NoError(t, err)
	require.Contains(t, reason.Note, "5 objectives combined")
	require.InDelta(t, 0.3, params["infonce.weight"].Float(), 0.1)
}

// Sixty-four pending trials have sixty-four different configurations.
func TestBayesSuggestsDistinctPendingTrials(t *testing.T) {
	r := surveyed(4, 30, 0, 0, func(u []float64) []float64 { return []float64{u[0] + u[1]*u[2] + math.Sin(6*u[3])} })
	r.Exact = true
	for range 64 {
		params, _, err := bayes{}.Suggest(r)
		require.NoError(t, err)
		for _, a := range r.Pending {
			require.NotEqual(t, a.Params, params)
		}
		r.Pending = append(r.Pending, sweep.Assignment{Number: r.Number, Params: params, Seed: 1})
		r.Number++
		r.Index++
	}
}
