package report

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// withoutFID is the FAKE sweep of fixture with KID and coverage in the place of FID.
func withoutFID(t *testing.T, objectives ...sweep.Objective) Input {
	t.Helper()
	in := fixture(t, 9)
	in.Spec.Metrics, in.Floor.Floor = objectives, map[string]float64{"kid.tail": 0.25}
	for i, trial := range in.Trials {
		if trial.Metrics != nil {
			in.Trials[i].Metrics = map[string]float64{"kid.tail": trial.Metrics["fid.tail"] / 10, "kid.head": trial.Metrics["fid.head"] / 10, "coverage.head": 10 / trial.Metrics["fid.head"]}
		}
	}
	return in
}

var (
	kidTail      = sweep.Objective{Name: "kid.tail", Goal: sweep.Minimize}
	coverageHead = sweep.Objective{Name: "coverage.head", Goal: sweep.Maximize}
	ignored      = regexp.MustCompile(`(?s)<style>.*?</style>|<pre.*?</pre>`)
)

// The page of a sweep without FID shows its own objectives, with their direction and unit.
func TestAPageWithoutFID(t *testing.T) {
	in := withoutFID(t, kidTail, coverageHead)
	html := ignored.ReplaceAllString(render(t, in), "")
	require.NotRegexp(t, `\bfid\.|FID`, html)
	for _, want := range []string{
		"coverage.head against kid.tail", "kid.tail (lower is better)", "coverage.head (ratio, higher is better)",
		"Lower and further right is better.", "has the best kid.tail", "Its coverage.head is",
		"The Pareto front, by coverage.head. Hypervolume",
	} {
		require.Contains(t, html, want)
	}
	require.NotContains(t, html, ">cas.all<", "what no trial has is no column")
	require.NotContains(t, html, "tailsweep pareto lists", "the front is that of the objectives")

	html = render(t, withoutFID(t, kidTail, coverageHead, sweep.Objective{Name: sweep.MetricLoss, Goal: sweep.Minimize}))
	require.Contains(t, html, "tailsweep pareto lists that of the objectives: kid.tail, coverage.head, loss.")
}

// The page says of the best trial what best and pareto say.
func TestAPageOfNoFeasibleTrial(t *testing.T) {
	in := withoutFID(t, kidTail, coverageHead)
	limit, err := sweep.ParseConstraint("coverage.head >= 0.99")
	require.NoError(t, err)
	in.Spec.Constraints = []sweep.Constraint{limit}
	for i := range in.Trials { // one seed each, so that nothing is undecided
		in.Trials[i].Kind = sweep.KindSearch
		in.Trials[i].Params["x"] = sweep.Number(float64(i))
	}
	html := render(t, in)
	require.Contains(t, html, "By the constraints it is infeasible: no trial is feasible.")
	require.Contains(t, html, "No hypervolume: no trial is feasible.")
}

// With repeats summary, comparison and front have the means over seeds, and say so.
func TestAPageOfMeansOverSeeds(t *testing.T) {
	in := withoutFID(t, kidTail, coverageHead)
	in.Spec.Repeats = &sweep.Repeats{}
	trial := func(number int, kind sweep.Kind, weight, tail float64) sweep.Trial {
		f := fakeTrial(number, kind, weight, 1, 1)
		f.Seed, f.Metrics = int64(number), map[string]float64{"kid.tail": tail, "coverage.head": 0.5}
		return f
	}
	in.Trials = []sweep.Trial{trial(0, sweep.KindBaseline, 0, 8), trial(1, sweep.KindSearch, 1, 2), trial(2, sweep.KindSearch, 1, 4)}
	html := render(t, in)
	require.Contains(t, html, "Trial 1 has the best kid.tail (mean of 2 seeds): 3.000, against 8.000 of the baseline")
	require.Contains(t, html, ">trial 1, mean of 2 seeds</th>")
	require.Contains(t, html, "coverage.head 0.5000; kid.tail 3.000; mean of 2 seeds")
}
