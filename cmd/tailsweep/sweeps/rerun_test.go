package sweeps

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func TestFreeName(t *testing.T) {
	arc := archive.New(storetest.NewMemory())
	long := strings.Repeat("a", 63)
	for _, name := range []string{"s", "s-2", "t-9", "u-1", long} {
		spec, text := specOf(t, "name: small", "name: "+name)
		clitest.Begin(t, arc, spec, text)
	}
	for name, want := range map[string]string{"s": "s-3", "s-2": "s-3", "t-9": "t-10", "u-1": "u-1-2", long: long[:61] + "-2"} {
		free, err := freeName(t.Context(), arc, name)
		require.NoError(t, err)
		require.Equal(t, want, free, name)
	}
}

// The name that rerun is given must be free.
func TestCheckFree(t *testing.T) {
	arc := archive.New(clitest.Archived(t))
	require.NoError(t, checkFree(t.Context(), arc, "new"))
	for name, want := range map[string]string{"done": "--name done: a sweep has this name", "Not A Name": `"Not A Name" (valid: `} {
		err := checkFree(t.Context(), arc, name)
		require.ErrorContains(t, err, want)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	}
}

// The text of a rerun is what was submitted, with its comments. After an edit it is the
// spec in force.
func TestRenamed(t *testing.T) {
	spec, text := specOf(t)
	again, renamedText, err := renamed(spec, text, "small-2")
	require.NoError(t, err)
	require.Equal(t, "small", spec.Name)
	require.Equal(t, strings.Replace(string(text), "name: small", `name: "small-2"`, 1), string(renamedText))
	require.Equal(t, "small-2", again.Name)

	edited, _ := specOf(t, "max: 1}", "max: 3e-3}", "run_cap: 6", "run_cap: 6, wall_clock: 12h", "random", "bayes")
	again, renamedText, err = renamed(edited, text, "small-2")
	require.NoError(t, err)
	parsed, err := specfile.Parse("rerun", renamedText)
	require.NoError(t, err, string(renamedText))
	require.Equal(t, again.Digest(), parsed.Digest())
	require.Equal(t, 3e-3, parsed.Parameters[0].Max)

	_, _, err = renamed(spec, text, "Not A Name")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
}

// A sweep that has lost its spec.json keeps its name, and is not reported as absent.
func TestASweepWithoutItsSpecIsNotAbsent(t *testing.T) {
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	require.NoError(t, objects.Put(t.Context(), "v1/sweeps/old-2/ledger/000000.jsonl", strings.NewReader("x"), 1))
	free, err := freeName(t.Context(), arc, "old")
	require.NoError(t, err)
	require.Equal(t, "old-3", free)
	const lost = "v1/sweeps/old-2/spec.json: the object is missing"
	require.ErrorContains(t, checkFree(t.Context(), arc, "old-2"), lost)
	_, err = endedTrials(t.Context(), arc, "old-2", []int{0})
	require.ErrorContains(t, err, lost)
	require.Equal(t, cli.ExitFailure, cli.CodeOf(err))
	s := sender{open: func(context.Context) (*archive.Archive, error) { return arc, nil }}
	_, err = s.restart(t.Context(), "old-2", conduct.Commanded{})
	require.ErrorContains(t, err, lost)
	require.Equal(t, cli.ExitFailure, cli.CodeOf(err))
}
