package main

import (
	"encoding/json"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func TestSimulate(t *testing.T) {
	text, err := specfile.Init("dry", sweep.MethodRandom)
	require.NoError(t, err)
	r := cli(t, nil, text, "simulate", "-", "--objective", "ackley", "--seeds", "3", "--workers", "2", "--noise", "0.5", "-o", "json")
	require.Equal(t, exitOK, r.code, r.err)
	var s simulated
	require.NoError(t, json.Unmarshal([]byte(r.out), &s))
	require.Equal(t, "ackley", s.Objective)
	require.Len(t, s.Runs, 3)
	spec, err := specfile.Parse("dry", []byte(text))
	require.NoError(t, err)
	best := make(map[float64]bool)
	for k, run := range s.Runs {
		require.Equal(t, spec.Seed+int64(k), run.Seed)
		require.Equal(t, cost.TrialCount(spec), run.Trials[sweep.StatusCompleted])
		require.Len(t, run.Curve, cost.TrialCount(spec))
		require.InDelta(t, *run.Curve[len(run.Curve)-1].Best, run.Best.Metrics[spec.Metrics[0].Name], 0)
		require.Greater(t, run.GPUHours, run.WallSeconds/3600, "two workers")
		require.Contains(t, run.Front, run.Best.Number)
		best[*run.Curve[len(run.Curve)-1].Best] = true
	}
	require.Len(t, best, 3, "seeds differ")
	again := cli(t, nil, text, "simulate", "-", "--objective", "ackley", "--seeds", "3", "--workers", "2", "--noise", "0.5", "-o", "json")
	require.Equal(t, r.out, again.out)
}

func TestSimulateForPeople(t *testing.T) {
	r := cli(t, nil, "", "simulate", "testdata/plan.yaml", "--objective", "lossweights")
	require.Equal(t, exitOK, r.code, r.err)
	golden(t, "simulate.txt", r.out)
	r = cli(t, nil, "", "simulate", "testdata/plan.yaml", "--objective", "sphere", "--seeds", "2")
	require.Equal(t, exitOK, r.code, r.err)
	golden(t, "simulate-seeds.txt", r.out)
}

func TestSimulateRefuses(t *testing.T) {
	for says, arguments := range map[string][]string{
		"simulate needs --objective, one of lossweights, sphere, ": {},
		`"cube" is none of lossweights, sphere, ackley, `:          {"--objective", "cube"},
		"--workers is 0 (valid: 1 or more)":                        {"--objective", "sphere", "--workers", "0"},
		"--noise is -1 (valid: 0 or more)":                         {"--objective", "sphere", "--noise", "-1"},
		"--noise is NaN":                                           {"--objective", "sphere", "--noise", "NaN"},
		"--seeds is 0 (valid: 1 to 1000)":                          {"--objective", "sphere", "--seeds", "0"},
		"--steps-per-second is 0 (valid: above 0)":                 {"--objective", "sphere", "--steps-per-second", "0"},
	} {
		r := cli(t, nil, "", append([]string{"simulate", "testdata/plan.yaml"}, arguments...)...)
		require.Equal(t, exitUsage, r.code, r.err)
		require.Contains(t, r.err, says)
	}
	text, err := os.ReadFile("testdata/plan.yaml")
	require.NoError(t, err)
	other := strings.NewReplacer("infonce.weight", "infonce.window", "alignment.weight", "alignment.window").Replace(string(text))
	r := cli(t, nil, other, "simulate", "-", "--objective", "lossweights")
	require.Equal(t, exitUsage, r.code, r.err)
	require.Contains(t, r.err, "the spec searches neither")
}

func TestPlot(t *testing.T) {
	require.Equal(t, []string{"    nothing to draw"}, plot([]float64{math.NaN()}, 0))
	require.Equal(t, []string{
		"           9 | *", "             |", "             |", "             |", "             |",
		"             |  *", "             |", "             |", "             |", "           1 |   **",
		"             +-----",
		"              1   5 trials",
	}, plot([]float64{math.NaN(), 9, 5, 1, 1}, 0))
	flat := plot([]float64{3, 3, 3}, 0)
	require.Equal(t, "           3 |***", flat[5])
	long := make([]float64, 500)
	for i := range long {
		long[i] = -float64(i)
	}
	for _, line := range plot(long, 40) {
		require.LessOrEqual(t, len(line), 40)
	}
}

// The README shows what the command prints.
func TestSimulateAsInTheREADME(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other machines round differently")
	}
	r := cli(t, nil, "", "simulate", "../../examples/fashion-small.yaml", "--objective", "lossweights")
	require.Equal(t, exitOK, r.code, r.err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	lines := strings.Split(r.out, "\n")
	require.True(t, strings.HasPrefix(lines[2], "trials "), lines[2])
	want := "    " + strings.Join(lines[2:6], "\n    ") + "\n"
	require.True(t, strings.Contains(string(readme), want), "the README has other lines than:\n%s", want) // not require.Contains: it would print it all
}
