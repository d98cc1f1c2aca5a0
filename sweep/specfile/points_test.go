package specfile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func TestParseReadsPoints(t *testing.T) {
	spec := mustParse(t, spectest.With("parameters: {infonce.weight: {min: 0, max: 1}, infonce.pass: {values: [cond, uncond]}}", `points:
  - {infonce.weight: 0.3, infonce.pass: cond}
  - infonce.weight: 1e-1
    infonce.pass: uncond`, "resources: {priority: 1}"))
	require.Equal(t, []sweep.Params{
		{"infonce.weight": sweep.Number(0.3), "infonce.pass": sweep.Word("cond")},
		{"infonce.weight": sweep.Number(0.1), "infonce.pass": sweep.Word("uncond")},
	}, spec.Points)
	require.Equal(t, sweep.Resources{Queue: sweep.DefaultQueue, Priority: sweep.PriorityFirst}, spec.Resources)

	plain := mustParse(t, spectest.Base)
	require.Equal(t, sweep.PriorityDefault, plain.Resources.Priority)
	require.Equal(t, plain, mustParse(t, spectest.With("points: []")), "an empty list means none")
	mustParse(t, spectest.With("method: grid", "parameters: {infonce.weight: {min: 0, max: 1, count: 3}}", "points: [{infonce.weight: 0.5}, {infonce.weight: 0.7}]"))
}

func TestParseReportsFaultsOfPoints(t *testing.T) {
	const conditional = `parameters: {infonce.weight: {min: 0, max: 1}, infonce.window: {min: 0, max: 0.5, when: "infonce.weight > 0"}}`
	for _, c := range []struct{ name, text, want string }{
		{"no list", spectest.With("points: {infonce.weight: 1}"), "11:1: points: not a list (a mapping; valid: a list, each a mapping of alignment.exponent, "},
		{"no mapping", spectest.With("points: [0.3]"), "11:10: points[0]: not a mapping (0.3;"},
		{"a name, misspelt", spectest.With("points: [{infonce.weight: 1, infonce.wieght: 1}]"), `11:30: points[0].infonce.wieght: unknown field, did you mean "infonce.weight"?`},
		{"an illegal value", spectest.With("points: [{infonce.weight: 1}, {infonce.weight: -1}]"), "11:48: points[1].infonce.weight: out of range (-1; valid: a number in [0, 100])"},
		{"outside the space", spectest.With("points: [{infonce.weight: 1}, {infonce.weight: 2.0}]"), "11:48: points[1].infonce.weight: is not a value of parameters.infonce.weight (2.0; valid: a number in [0, 1])"},
		{"not of the space", spectest.With("points: [{infonce.weight: 1, lr: 0.1}]"), "11:34: points[0].lr: is not in parameters (0.1; valid: infonce.weight)"},
		{"nothing", spectest.With("points:\n  - {}"), "12:5: points[0].infonce.weight: is missing (valid: a number in [0, 1])"},
		{"a missing one", spectest.With(conditional, "points: [{infonce.weight: 0}, {infonce.weight: 1}]"), "11:32: points[1].infonce.window: is missing (valid: a number in [0, 0.5])"},
		{"a false condition", spectest.With(conditional, "points: [{infonce.weight: 0, infonce.window: 0.1}]"), "11:46: points[0].infonce.window: does not apply, as infonce.weight > 0 is false (0.1; valid: no value)"},
		{"a condition on a broken value", spectest.With(conditional, "points: [{infonce.weight: -1, infonce.window: 0.1}]"), "11:27: points[0].infonce.weight: out of range (-1;"},
		{"twice", spectest.With("points: [{infonce.weight: 1}, {infonce.weight: 0.5}, {infonce.weight: 1.0}]"), "11:55: points[2]: is the same as points[0] (valid: each configuration once)"},
		{"the baseline", spectest.With("baseline: {}", "points: [{infonce.weight: 0}]"), "12:11: points[0]: is the baseline's configuration, which a baseline trial trains with train.seed (valid: another configuration)"},
		{"more than trials", spectest.With("budget: {run_cap: 1}", "points: [{infonce.weight: 0}, {infonce.weight: 1}]"), "11:1: points: are more than the search trials of the sweep (valid: at most budget.run_cap = 1)"},
		{"the baseline, broken", spectest.With("baseline: {params: {infonce.weight: -1}}", "points: [{infonce.weight: 0}]"), "11:37: baseline.params.infonce.weight: out of range (-1;"},
		{"a broken parameter", spectest.With("parameters: {infonce.weight: {min: 0, max: 1}, lr: {min: 0.1, max: 0.1}}", "points: [{infonce.weight: 0, lr: 0.1}]"), "8:68: parameters.lr.max: is not above min (0.1;"},
		{"priority", spectest.With("resources: {priority: 6}"), "11:23: resources.priority: out of range (6; valid: an integer in [1, 5])"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, oneFault(t, c.text), "s.yaml:"+c.want)
		})
	}
	mustParse(t, spectest.With("baseline: {seeds: [2]}", "points: [{infonce.weight: 0}]"))
	mustParse(t, spectest.With("budget: {gpu_hours: 1}", "points: [{infonce.weight: 0}, {infonce.weight: 1}]"))
}

// One faulty point hides no other, and no fault follows from another.
func TestParseReportsAllFaultsOfPoints(t *testing.T) {
	_, err := Parse("s.yaml", []byte(spectest.With("parameters: {infonce.weight: {min: 0, max: 1}, lr: {min: 0.1, max: 0.2}}", "budget: {run_cap: 2}", "train: {steps: 0}", "baseline: {}", `points:
- {infonce.weight: 1, lr: abc}
- {infonce.weight: 0.5, lr: 0.1}
- {infonce.weight: 7, batch: 8}
- {infonce.weight: -1, lr: 0.1}
- {lr: 0.1, infonce.weight: 0.5}`)))
	require.EqualError(t, err, `s.yaml:6:16: train.steps: out of range (0; valid: an integer in [1, 10000000])
s.yaml:12:1: points: are more than the search trials of the sweep (valid: at most budget.run_cap = 2)
s.yaml:13:27: points[0].lr: not a number (abc; valid: a number in (0, 1])
s.yaml:15:4: points[2].lr: is missing (valid: a number in [0.1, 0.2])
s.yaml:15:20: points[2].infonce.weight: is not a value of parameters.infonce.weight (7; valid: a number in [0, 1])
s.yaml:15:30: points[2].batch: is not in parameters (8; valid: infonce.weight, lr)
s.yaml:16:20: points[3].infonce.weight: out of range (-1; valid: a number in [0, 100])
s.yaml:17:4: points[4]: is the same as points[1] (valid: each configuration once)`)
}

func TestParseReadsEarlierSweeps(t *testing.T) {
	spec := mustParse(t, spectest.With("from: [{sweep: old, segments: 12}]"))
	require.Equal(t, []sweep.Earlier{{Sweep: "old", Segments: 12}}, spec.From)
	plain := mustParse(t, spectest.Base)
	require.NotEqual(t, plain.Digest(), spec.Digest(), "they are part of what a suggestion depends on")
	require.Equal(t, plain.Digest(), mustParse(t, spectest.With("from: []")).Digest())
	for text, want := range map[string]string{
		"from: [{sweep: old}]":                                         "from[0].segments: is missing",
		"from: [{sweep: " + plain.Name + ", segments: 1}]":             "from[0].sweep: is this sweep",
		"from: [{sweep: old, segments: 1}, {sweep: old, segments: 2}]": "from[1].sweep: is named twice",
	} {
		_, err := Parse("s.yaml", []byte(spectest.With(text)))
		require.ErrorContains(t, err, want)
	}
}
