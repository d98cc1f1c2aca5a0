package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/search"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func TestSimulate(t *testing.T) {
	text, err := specfile.Init("dry", sweep.MethodRandom)
	require.NoError(t, err)
	r := cmdline(t, nil, text, "simulate", "-", "--objective", "ackley", "--seeds", "3", "--workers", "2", "--noise", "0.5", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var s search.Simulated
	require.NoError(t, json.Unmarshal([]byte(r.out), &s))
	require.Equal(t, "ackley", s.Objective)
	require.Len(t, s.Runs, 3)
	spec, err := specfile.Parse("dry", []byte(text))
	require.NoError(t, err)
	best := make(map[float64]bool)
	for k, run := range s.Runs {
		require.Equal(t, spec.Seed+int64(k), run.Seed)
		require.Equal(t, cost.TrialCount(spec), run.Counts[sweep.StatusCompleted])
		require.Len(t, run.Curve, cost.TrialCount(spec))
		require.InDelta(t, *run.Curve[len(run.Curve)-1].Best, run.Best.Metrics[spec.Metrics[0].Name], 0)
		require.Greater(t, run.SlotHours, run.Wall.Hours(), "two workers")
		require.Contains(t, run.Front, run.Best.Number)
		best[*run.Curve[len(run.Curve)-1].Best] = true
	}
	require.Len(t, best, 3, "seeds differ")
	again := cmdline(t, nil, text, "simulate", "-", "--objective", "ackley", "--seeds", "3", "--workers", "2", "--noise", "0.5", "-o", "json")
	require.Equal(t, r.out, again.out)
}

// Results of trainings are not of the function.
func TestSimulateIgnoresEarlierSweeps(t *testing.T) {
	text, err := specfile.Init("dry", sweep.MethodBayes)
	require.NoError(t, err)
	plain := cmdline(t, nil, text, "simulate", "-", "--objective", "ackley")
	r := cmdline(t, nil, text+"from: [{sweep: old, segments: 3}]\n", "simulate", "-", "--objective", "ackley")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.Err, "warning: sweep old of the field from is ignored: its results are not of the function ackley")
	require.Equal(t, plain.out, r.out)
}

func TestPlanWithEarlierSweeps(t *testing.T) {
	text, err := specfile.Init("new", sweep.MethodGrid)
	require.NoError(t, err)
	r := cmdline(t, clitest.Archived(t), text, "plan", "-", "--no-measure", "--from", "done")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, strings.Join(strings.Fields(r.out), " "), "earlier from sweep done: 2 configurations of 3 trials fit and count as results of this sweep")
	r = cmdline(t, clitest.Archived(t), text, "plan", "-", "--no-measure", "--from", "gone")
	require.Equal(t, cli.ExitNotFound, r.Code)
	require.Contains(t, r.Err, "plan: --from gone: there is no such sweep")
}

func TestSimulateForPeople(t *testing.T) {
	r := cmdline(t, nil, "", "simulate", "testdata/plan.yaml", "--objective", "lossweights")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	clitest.Golden(t, "simulate.txt", r.out)
	r = cmdline(t, nil, "", "simulate", "testdata/plan.yaml", "--objective", "sphere", "--seeds", "2")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	clitest.Golden(t, "simulate-seeds.txt", r.out)
}

// Failures, commands and the phase are shown, as text and as JSON.
func TestSimulateFailuresAndCommands(t *testing.T) {
	arguments := []string{"simulate", "testdata/plan.yaml", "--objective", "lossweights", "--fail", "1", "--fail-class", "bug", "--command", "1s=pause", "--command", "1h=resume", "--command", "2h=stop"}
	r := cmdline(t, nil, "", arguments...)
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "simulate: stop after 2h0m0s was refused: cannot stop a sweep that is failed")
	clitest.Golden(t, "simulate-failures.txt", r.out)
	r = cmdline(t, nil, "", append(arguments, "-o", "json")...)
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	var s search.Simulated
	require.NoError(t, json.Unmarshal([]byte(r.out), &s))
	require.Equal(t, conduct.PhaseFailed, s.Runs[0].Phase)
	require.Contains(t, s.Runs[0].Ended, "3 trials in a row failed with bug")
	require.Equal(t, 3, s.Runs[0].Failures[sweep.FailBug])
	require.Equal(t, 3, s.Runs[0].Counts[sweep.StatusFailed])
	require.Len(t, s.Runs[0].Commands, 3)
	require.Contains(t, s.Runs[0].Commands[2].Refused, "cannot stop a sweep that is failed")
}

// After an edit the results are ranked by the new spec; --seeds adds to its seed, too.
func TestSimulateRanksByTheSpecInForce(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.yaml")
	require.NoError(t, err)
	old := "  - {name: fid.tail, goal: minimize}\n"
	require.Contains(t, string(text), old)
	edited := filepath.Join(t.TempDir(), "edited.yaml")
	require.NoError(t, os.WriteFile(edited, []byte(strings.Replace(string(text), old, old+"  - {name: fid.head, goal: minimize}\n", 1)), 0o600))
	arguments := []string{"simulate", "testdata/plan.yaml", "--objective", "sphere", "--command", "10s=edit " + edited}
	r := cmdline(t, nil, "", arguments...)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.out, "front        trials ")
	r = cmdline(t, nil, "", append(arguments, "--seeds", "2", "-o", "json")...)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var s search.Simulated
	require.NoError(t, json.Unmarshal([]byte(r.out), &s))
	for _, run := range s.Runs {
		require.Equal(t, conduct.PhaseCompleted, run.Phase)
		require.Contains(t, run.Front, run.Best.Number)
		require.NotNil(t, run.Curve[len(run.Curve)-1].Hypervolume)
		require.NotContains(t, run.Commands[0].Change, "seed")
		require.Contains(t, run.Commands[0].Change, "fid.head")
	}
}

func TestSimulateRefuses(t *testing.T) {
	for want, arguments := range map[string][]string{
		"simulate: --objective is missing (valid: lossweights, sphere, ":    {},
		`valid: lossweights, sphere, ackley, `:                              {"--objective", "cube"},
		`"0" for "--workers" flag: valid: 1 or more`:                        {"--objective", "sphere", "--workers", "0"},
		`"-1" for "--noise" flag: valid: 0 or more`:                         {"--objective", "sphere", "--noise", "-1"},
		`"NaN" for "--noise" flag: valid: 0 or more`:                        {"--objective", "sphere", "--noise", "NaN"},
		`"0" for "--seeds" flag: valid: 1 to 1000`:                          {"--objective", "sphere", "--seeds", "0"},
		`"0" for "--steps-per-second" flag: valid: above 0`:                 {"--objective", "sphere", "--steps-per-second", "0"},
		`"1.5" for "--fail" flag: valid: 0 to 1`:                            {"--objective", "sphere", "--fail", "1.5"},
		`"NaN" for "--diverge" flag: valid: 0 to 1`:                         {"--objective", "sphere", "--diverge", "NaN"},
		"valid: out_of_memory, bad_data, bug, lost, ":                       {"--objective", "sphere", "--fail-class", "gremlin"},
		`--command: unknown command "halt" (valid: pause, resume, stop, `:   {"--objective", "sphere", "--command", "2h=halt"},
		`--command: "pause" is not a command at a time (valid: such as 2h=`: {"--objective", "sphere", "--command", "pause"},
	} {
		r := cmdline(t, nil, "", append([]string{"simulate", "testdata/plan.yaml"}, arguments...)...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, want)
	}
	text, err := os.ReadFile("testdata/plan.yaml")
	require.NoError(t, err)
	other := strings.NewReplacer("infonce.weight", "infonce.window", "alignment.weight", "alignment.window").Replace(string(text))
	r := cmdline(t, nil, other, "simulate", "-", "--objective", "lossweights")
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "the spec searches neither")
}

// The guide shows what the command prints.
func TestSimulateAsInTheGuide(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other machines round differently")
	}
	r := cmdline(t, nil, "", "simulate", "../../examples/fashion-small.yaml", "--objective", "lossweights")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	guide, err := os.ReadFile("../../docs/guide.md")
	require.NoError(t, err)
	lines := strings.Split(r.out, "\n")
	require.True(t, strings.HasPrefix(lines[2], "trials "), lines[2])
	want := "    " + strings.Join(lines[2:7], "\n    ") + "\n"
	require.True(t, strings.Contains(string(guide), want), "docs/guide.md has other lines than:\n%s", want) // not require.Contains: it would print it all
}

func TestArgumentsThatAreNoTrialsOrSweeps(t *testing.T) {
	for want, arguments := range map[string][]string{
		`retry: "-1" is neither a flag nor a number that is valid here (valid: 0 or more)`:            {"retry", "s", "-1"},
		`pin: "-1" is neither a flag nor a number that is valid here (valid: 0 or more)`:              {"pin", "s", "-1"},
		`stop: sweep name "A" (valid: 1 to 63 of a-z, 0-9 and -, the first a letter)`:                 {"stop", "A"},
		`invalid argument "abc" for "--concurrency" flag: not a whole number (valid: 1 to 1000)`:      {"set", "s", "--concurrency", "abc"},
		`for "--concurrency" flag: the number itself, without + (valid: 1 to 1000); see`:              {"set", "s", "--concurrency", "+2"},
		`run: invalid argument "" for "--from" flag: a name is empty (valid: --from OLD[,OLD2], each`: {"run", "s.yaml", "--from", ""},
	} {
		r := cmdline(t, nil, "", arguments...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, want)
	}
}
