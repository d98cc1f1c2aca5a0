package main

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestDifferencesOfALedgerAndOfTheStore(t *testing.T) {
	p := &played{kind: kind{name: "grid", ordered: true}, id: "round1-grid"}
	want := &facts{trials: map[int]string{0: "a", 1: "b"}, order: []int{0, 1}, objects: map[string]string{"k": "digest"}}
	same := func() *facts {
		return &facts{trials: maps.Clone(want.trials), order: []int{0, 1}, objects: maps.Clone(want.objects)}
	}
	require.Empty(t, same().differences(p, want))
	for name, change := range map[string]func(f *facts){
		"a trial is missing":       func(f *facts) { delete(f.trials, 1) },
		"a trial differs":          func(f *facts) { f.trials[1] = "c" },
		"a trial is too many":      func(f *facts) { f.trials[2] = "c" },
		"the order differs":        func(f *facts) { f.order = []int{1, 0} },
		"an object is missing":     func(f *facts) { delete(f.objects, "k") },
		"an object differs":        func(f *facts) { f.objects["k"] = "other" },
		"an object is too many":    func(f *facts) { f.objects["l"] = "" },
		"an object is there twice": func(f *facts) { f.twice = []string{"k"} },
	} {
		f := same()
		change(f)
		require.Len(t, f.differences(p, want), 1, name)
	}
}

// A trial that was cancelled by `tailsweep cancel` has the curve up to there.
func TestTheCurveOfACancelledTrialMayDiffer(t *testing.T) {
	const curve = "trials/000001/attempts/*/curve.jsonl"
	p := &played{kind: kind{name: "grid"}, id: "round1-grid", loose: true}
	want := &facts{trials: map[int]string{1: "b"}, objects: map[string]string{curve: "complete"}}
	got := &facts{trials: map[int]string{1: "cancelled"}, objects: map[string]string{curve: "shorter"}, broken: []int{1}}
	require.Empty(t, got.differences(p, want))
	got.broken, got.trials = nil, want.trials
	require.Equal(t, []string{"round1-grid: " + curve + " differs"}, got.differences(p, want))
}

// A search that learns suggests others after a trial that was cancelled.
func TestTrialsAfterACancelledOneMayDifferWhereTheSearchLearns(t *testing.T) {
	const curve = "trials/000002/attempts/*/curve.jsonl"
	want := &facts{trials: map[int]string{0: "a", 1: "b", 2: "c"}, objects: map[string]string{curve: "c"}}
	got := &facts{trials: map[int]string{0: "a", 1: "cancelled", 2: "d"}, objects: map[string]string{curve: "d"}, broken: []int{1}}
	p := &played{kind: kind{name: "bayes", learns: true}, id: "round1-bayes", loose: true}
	require.Empty(t, got.differences(p, want))
	p.learns = false
	require.Len(t, got.differences(p, want), 2)
	p.learns, got.trials[0] = true, "e"
	require.Len(t, got.differences(p, want), 1, "an earlier trial")
}

func TestTimesAndAttemptsDoNotCount(t *testing.T) {
	p := &played{kind: kind{name: "grid", ordered: true}, id: "round1-grid"}
	trial := sweep.Trial{
		Assignment: sweep.Assignment{Number: 3}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 1}},
		Attempts: 1, Checkpoint: "v1/sweeps/undisturbed-grid/trials/000003/attempts/1/checkpoints/step-0000000120",
	}
	text := func(p *played, t2 sweep.Trial) string {
		s, err := timeless(p, t2)
		require.NoError(t, err)
		return s
	}
	want := text(&played{kind: p.kind, id: "undisturbed-grid"}, trial)
	again := trial
	again.Attempts, again.TrainTime, again.FinishedAt = 4, 9, time.Unix(1, 0)
	again.Checkpoint = "v1/sweeps/round1-grid/trials/000003/attempts/4/checkpoints/step-0000000120"
	require.Equal(t, want, text(p, again))
	again.Metrics = map[string]float64{"fid.tail": 2}
	require.NotEqual(t, want, text(p, again))
}

func TestGaugesAreComparedWithTheLedger(t *testing.T) {
	page := "tailsweep_sweep_active{sweep=\"a\"} 0\ntailsweep_trials{status=\"completed\",sweep=\"a\"} 5\ntailsweep_trials{status=\"failed\",sweep=\"a\"} 1\n"
	require.Empty(t, gauges(page, "a", 6))
	require.NotEmpty(t, gauges(page, "a", 7))
	require.Empty(t, gauges(page, "b", 7), "of a worker that never saw it")
}
