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
		"FIELD                                     OLD       NEW",
		`budget.wall_clock                         -         "12h"`,
		`method                                    "random"  "bayes"`,
		`parameters.alignment.weight.distribution  -         "constant"`,
		`parameters.alignment.weight.value         -         0`,
		`parameters.infonce.weight.max             1         3`,
		"metrics",
		`  old  [{"name":"fid.tail","goal":"minimize"}]`,
		`  new  [{"name":"fid.all","goal":"minimize"}]`,
	}, differenceText(conduct.Differences(before, after)))
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
		err := checkEdit(before, conduct.Command{Spec: after})
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
