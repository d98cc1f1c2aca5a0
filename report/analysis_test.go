package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestPageShowsTheAnalysis(t *testing.T) {
	in := fixture(t, 40)
	html := render(t, in)
	require.Contains(t, html, "are not distinguishable from trial 12 at 95 % confidence")
	require.Contains(t, html, "<strong>knee</strong>")
	require.Contains(t, html, "<caption>fid.tail</caption>")
	require.Contains(t, html, `class="text">best 10 of all`, "the column's title says what it is a share of")
	require.Contains(t, html, `<svg class="bar noise"`)
	require.NotContains(t, html, ">feasible<", "without constraints nothing is feasible or not")

	c, err := sweep.ParseConstraint("fid.head <= baseline.fid.head + 4")
	require.NoError(t, err)
	in.Spec.Constraints = []sweep.Constraint{c}
	html = render(t, in)
	for _, word := range []string{">feasible<", ">infeasible<", ">undecided<"} {
		require.Contains(t, html, word)
	}
}

func TestLevel(t *testing.T) {
	in := fixture(t, 9)
	require.Contains(t, level(newStudy(in.Spec, in.Trials)), "2 degrees of freedom")
	single := in.Trials[2:]
	require.Contains(t, level(newStudy(in.Spec, single)), "is unknown: every configuration was trained with one seed")
	require.Empty(t, level(newStudy(in.Spec, in.Trials[:3])), "there is only the baseline")
	require.Empty(t, level(newStudy(in.Spec, nil)))
}

// A page must not say that every configuration had one seed where some had several.
func TestCaveatsMentionRepeats(t *testing.T) {
	in := fixture(t, 9)
	again := in.Trials[5]
	again.Number, again.Seed = 99, 2
	in.Trials = append(in.Trials, again, again)
	html := render(t, in)
	require.Contains(t, html, "1 searched configuration was trained with several seeds")
	require.NotContains(t, html, "Each searched configuration was trained with one seed")
}
