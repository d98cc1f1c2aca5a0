package sweeps

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// specOf reads a small spec after replacements.
func specOf(t *testing.T, oldnew ...string) (*sweep.Spec, []byte) {
	t.Helper()
	text := strings.NewReplacer(oldnew...).Replace(small)
	spec, err := specfile.Parse("small.yaml", []byte(text))
	require.NoError(t, err)
	return spec, []byte(text)
}

const small = `# a comment
apiVersion: tailsweep/v1
name: small
method: random
dataset: {name: fashion-mnist-10k, size: 16}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 100, batch: 16}
evaluate: {samples_per_class: 50}
parameters:
  infonce.weight: {min: 0, max: 1}
metrics: [{name: fid.tail, goal: minimize}]
budget: {run_cap: 6}
`

func TestDifferences(t *testing.T) {
	before, _ := specOf(t)
	require.Empty(t, conduct.Differences(before, before))
	after, _ := specOf(t, "max: 1}", "max: 3}\n  alignment.weight: {value: 0}", "run_cap: 6", "run_cap: 6, wall_clock: 12h", "fid.tail", "fid.all", "random", "bayes")
	require.Equal(t, []string{
		"FIELD                          OLD       NEW",
		`budget.wall_clock              -         "12h"`,
		`method                         "random"  "bayes"`,
		`parameters.alignment.weight    -         {"distribution":"constant","value":0}`,
		"parameters.infonce.weight.max  1         3",
		"metrics",
		`  old  [{"name":"fid.tail","goal":"minimize"}]`,
		`  new  [{"name":"fid.all","goal":"minimize"}]`,
	}, differenceText(conduct.Differences(before, after)))
}

// A bound of 0 is shown as 0, and a parameter that is dropped as removed.
func TestDifferencesOfParameters(t *testing.T) {
	zero, _ := specOf(t)
	above, _ := specOf(t, "min: 0,", "min: 0.1,", "train: {steps: 100, batch: 16", "train: {steps: 100, batch: 16, weight_decay: 0.01")
	require.Equal(t, []string{
		"FIELD                          OLD  NEW",
		"parameters.infonce.weight.min  0    0.1",
		"train.weight_decay             0    0.01",
	}, differenceText(conduct.Differences(zero, above)))
	require.Contains(t, differenceText(conduct.Differences(above, zero)), "parameters.infonce.weight.min  0.1   0")

	two, _ := specOf(t, "max: 1}", "max: 1}\n  lr: {value: 1}")
	list := conduct.Differences(two, zero)
	require.Equal(t, []string{
		"FIELD          OLD                                    NEW",
		`parameters.lr  {"distribution":"constant","value":1}  removed`,
	}, differenceText(list))
	require.True(t, list[0].Removed)
	renamed, _ := specOf(t, "infonce.weight:", "alignment.weight:")
	require.Equal(t, []string{
		"FIELD                        OLD  NEW",
		`parameters.alignment.weight  -    {"distribution":"uniform","max":1,"min":0}`,
		"parameters.infonce.weight", `  old  {"distribution":"uniform","max":1,"min":0}`, "  new  removed",
	}, differenceText(conduct.Differences(zero, renamed)))
}

// edit says how many finished trials the search still learns from.
func TestFitting(t *testing.T) {
	trial := func(weight float64, metrics map[string]float64) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Kind: sweep.KindSearch, Params: sweep.Params{"infonce.weight": sweep.Number(weight)}},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: metrics},
		}
	}
	all := map[string]float64{"fid.tail": 1}
	ledger := []sweep.Trial{trial(0.1, all), trial(0.1, nil), trial(0.9, all)}
	for want, replaced := range map[string][]string{
		"3 of 3 finished trials fit the edited spec (1 without a value of each metric that it names)":                                                                 {},
		"2 of 3 finished trials fit the edited spec (1 without a value of each metric that it names); the search does not use the other 1, which stays in the ledger": {"max: 1", "max: 0.5"},
		"3 of 3 finished trials fit the edited spec (3 with parameters added or left out, at the values that training has without them; 1 without a value of each metric that it names)": {
			"max: 1}", "max: 1}\n  alignment.weight: {min: 0, max: 1}"},
		"0 of 3 finished trials fit the edited spec; the search does not use the other 3, which stay in the ledger": {"infonce.weight: {min: 0, max: 1}", "alignment.weight: {min: 0, max: 1}"},
	} {
		spec, _ := specOf(t, replaced...)
		require.Equal(t, want, fittingOf(spec, ledger).text())
	}
	spec, _ := specOf(t)
	require.Equal(t, "1 of 1 finished trial fits the edited spec", fittingOf(spec, ledger[:1]).text())
	require.Equal(t, "no trial has finished yet", fittingOf(spec, nil).text())
}

func TestCheckEdit(t *testing.T) {
	before, _ := specOf(t)
	for want, replaced := range map[string][]string{
		"": {"max: 1", "max: 3"},
		"cannot edit sweep \"small\": train cannot change, since the results of all trials depend on it: start another sweep that learns from this one (`tailsweep run SPEC --from small`)": {"steps: 100", "steps: 200"},
		`cannot edit sweep "small": the spec has not changed`:                       {"# a comment", "# another"},
		`cannot edit sweep "small": the spec is named "other" (valid: name: small)`: {"name: small", "name: other"},
	} {
		after, _ := specOf(t, replaced...)
		err := checkEdit(before, conduct.Command{Spec: after}, nil)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	}
}

// Only the answer says that an edited sweep does not continue by itself.
func TestEditOfAnEndedSweepNamesResume(t *testing.T) {
	p := conduct.Progress{Name: "s", Phase: conduct.PhaseStopped}
	const stays = "the sweep stays stopped: `tailsweep resume s` continues it with this spec"
	require.Contains(t, steeredText(conduct.CommandEdit, Steered{Progress: p}), stays)
	require.NotContains(t, steeredText(conduct.CommandSet, Steered{Progress: p}), stays)
	p.Phase = conduct.PhaseRunning
	require.NotContains(t, strings.Join(steeredText(conduct.CommandEdit, Steered{Progress: p}), "\n"), "stays")
}

// An edit prints the requests that it has dropped, and no other command does.
func TestEditPrintsWhatItDrops(t *testing.T) {
	p := conduct.Progress{Name: "s", Phase: conduct.PhaseRunning, CommandLog: []conduct.CommandEntry{
		{Command: conduct.EntrySkip, Change: "of an earlier edit"}, {Command: conduct.CommandEdit, Change: "seed 1 -> 2"}, {Command: conduct.EntrySkip, Change: "lr=3 (too large)"},
	}}
	require.Equal(t, []string{"skip: lr=3 (too large)", "s: running, 0 trials finished"}, steeredText(conduct.CommandEdit, Steered{Progress: p}))
	require.Equal(t, []string{"s: running, 0 trials finished"}, steeredText(conduct.CommandSet, Steered{Progress: p}))
}

func TestContinuing(t *testing.T) {
	require.Equal(t, "`tailsweep extend s --trials +N` continues it, `tailsweep rerun s` runs its spec afresh", continuing(conduct.Progress{Name: "s", Phase: conduct.PhaseCompleted}))
	require.Contains(t, continuing(conduct.Progress{Name: "s", Phase: conduct.PhaseFailed}), "`tailsweep resume s` continues it")
}
