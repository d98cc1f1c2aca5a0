package sweeps

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// The end of watch says how many trials the ranking leaves out.
func TestTheRankingSaysWhatItLeavesOut(t *testing.T) {
	spec, _ := specOf(t)
	end := func(n int) string {
		var out bytes.Buffer
		a := &cli.App{Out: &out, Err: &out}
		var trials []sweep.Trial
		for number := range n {
			trials = append(trials, sweep.Trial{
				Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: clitest.Weights(float64(number), 0), Seed: 1}, Status: sweep.StatusCompleted,
				Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": float64(60 + number), "fid.head": 20, "label_accuracy.head": 0.9}},
			})
		}
		require.NoError(t, ended(a, progress.View{Spec: spec, Finished: trials, Progress: conduct.Progress{Name: "s", Phase: conduct.PhaseCompleted}}))
		return out.String()
	}
	require.Contains(t, end(7), "\nthe first 5 of 7 ranked trials: `tailsweep trials s` lists all\n")
	require.NotContains(t, end(5), "ranked trials")
}

// Where every trial failed its gates, the end of watch reports it and names the closest trial.
func TestAllTrialsFailedTheirGates(t *testing.T) {
	objects := clitest.Archived(t)
	arc := archive.New(objects)
	var trials []sweep.Trial
	for number, tail := range []float64{70, 60} {
		trials = append(trials, sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch}, Status: sweep.StatusCompleted,
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": tail}}, Gates: []string{"memorised_ratio.all is 0.2, gates.max_memorised_ratio is 0.05"},
		})
	}
	require.NoError(t, arc.AppendSegment(t.Context(), "fresh", 0, trials))
	const why = "2 trials completed with a value of fid.tail, but all failed a gate; the best, trial 1, has 60: memorised_ratio.all is 0.2, gates.max_memorised_ratio is 0.05"
	spec, _, err := arc.LoadSpec(t.Context(), "fresh")
	require.NoError(t, err)
	require.Equal(t, "no trial completed", trialview.NoBest(spec, nil, ""))

	var out bytes.Buffer
	a := &cli.App{Out: &out, Err: &out}
	require.NoError(t, ended(a, progress.View{Spec: spec, Finished: trials, Progress: conduct.Progress{Name: "fresh", Phase: conduct.PhaseCompleted}}))
	require.Contains(t, strings.Join(strings.Fields(out.String()), " "), why)
	require.Contains(t, out.String(), "  tailsweep pull fresh --trial 1 --to fresh-trial\n")
}
