package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// line is a sweep over one weight, with results of f at the given values.
func line(goal sweep.Goal, f func(w float64) float64, at ...float64) Request {
	r := Request{Spec: &sweep.Spec{
		Method:     sweep.MethodBayes,
		Train:      sweep.Train{Seed: 1},
		Parameters: []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}},
		Metrics:    []sweep.Objective{{Name: "fid.tail", Goal: goal}},
	}}
	for _, w := range at {
		r.Ledger = append(r.Ledger, sweep.Trial{
			Assignment: sweep.Assignment{Number: r.Number, Params: weight(w), Seed: 1},
			Status:     sweep.StatusCompleted, Metrics: map[string]float64{"fid.tail": f(w)},
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

func TestBayesGoesForTheGoal(t *testing.T) {
	at := []float64{0, 0.15, 0.45, 0.6, 0.8, 1}
	w, reason := suggested(t, line(sweep.Minimize, valley, at...))
	require.InDelta(t, 0.3, w, 0.1)
	require.InDelta(t, 30, reason.Posterior["fid.tail"].Mean, 1, "in the metric's own units")
	require.Positive(t, reason.Posterior["fid.tail"].StdDev)
	require.Contains(t, reason.Hyper, "length.infonce.weight")

	w, reason = suggested(t, line(sweep.Maximize, func(w float64) float64 { return -valley(w) }, at...))
	require.InDelta(t, 0.3, w, 0.1)
	require.InDelta(t, -30, reason.Posterior["fid.tail"].Mean, 1)
}

// A second worker gets another point than the first, not the same one again.
func TestBayesKeepsAwayFromPendingTrials(t *testing.T) {
	r := line(sweep.Minimize, valley, 0, 0.15, 0.45, 0.6, 0.8, 1)
	before, ok := newModel(r, newSpace(r.Spec))
	require.True(t, ok)
	r.Pending = []sweep.Assignment{{Number: 6, Params: weight(0.3), Seed: 1}}
	after, ok := newModel(r, newSpace(r.Spec))
	require.True(t, ok)
	mean, sd := before.process.Posterior([]float64{0.3})
	meanAfter, sdAfter := after.process.Posterior([]float64{0.3})
	require.InDelta(t, mean, meanAfter, 1e-3, "nothing is learned of the value")
	require.Less(t, sdAfter, sd/2, "but nothing is left to learn there")
}

func TestBayesLeavesWhereTrialsDiverge(t *testing.T) {
	slope := func(w float64) float64 { return 30 - 10*w } // better and better towards 1
	r := line(sweep.Minimize, slope, 0, 0.1, 0.2, 0.3, 0.4, 0.5)
	w, _ := suggested(t, r)
	require.Greater(t, w, 0.5)
	for i, at := range []float64{0.6, 0.7, 0.8, 0.9, 1} {
		r.Ledger = append(r.Ledger, sweep.Trial{Assignment: sweep.Assignment{Number: 6 + i, Params: weight(at), Seed: 1}, Status: sweep.StatusDiverged})
	}
	w, _ = suggested(t, r)
	require.Less(t, w, 0.6)
}

// Failures say nothing of the point, and neither do results that are no numbers.
func TestBayesIgnoresWhatIsNoResult(t *testing.T) {
	r := line(sweep.Minimize, valley, 0, 0.15, 0.45, 0.6)
	want, _ := suggested(t, r)
	noise := sweep.Trial{Assignment: sweep.Assignment{Params: weight(0.9), Seed: 1}, Status: sweep.StatusFailed, Metrics: map[string]float64{"fid.tail": -1e9}}
	r.Ledger = append(r.Ledger, noise)
	noise.Params, noise.Status, noise.Metrics = weight(0.95), sweep.StatusCompleted, map[string]float64{"fid.tail": math.NaN()}
	r.Ledger = append(r.Ledger, noise)
	got, _ := suggested(t, r)
	require.InDelta(t, want, got, 1e-9)
}

func TestBayesIsRandomWithoutAModel(t *testing.T) {
	for name, r := range map[string]Request{
		"three results":  line(sweep.Minimize, valley, 0, 0.5, 1),
		"equal results":  line(sweep.Minimize, func(float64) float64 { return 5 }, 0, 0.2, 0.4, 0.6, 0.8),
		"no such metric": {Spec: line(sweep.Minimize, valley).Spec},
	} {
		params, reason, err := bayes{}.Suggest(r)
		require.NoError(t, err, name)
		require.Contains(t, reason.Note, "random", name)
		require.Len(t, params, 1)
	}
}
