package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// done is a finished trial of cube's first parameter at x.
func done(number int, x float64, status sweep.Status, metrics map[string]float64) sweep.Trial {
	return sweep.Trial{Status: status, Evaluation: sweep.Evaluation{Metrics: metrics}, Assignment: sweep.Assignment{
		Number: number, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{"aa": sweep.Number(x)}}}
}

func values(f ...float64) map[string]float64 {
	names := []string{"fid.tail", "fid.head", "label_accuracy.all"}
	m := make(map[string]float64)
	for i, v := range f {
		m[names[i]] = v
	}
	return m
}

func TestObservationsByStatus(t *testing.T) {
	spec := cube(1, 1)
	spec.Metrics = append(spec.Metrics, sweep.Objective{Name: "label_accuracy.all", Goal: sweep.Maximize})
	both := func(fid, accuracy float64) map[string]float64 {
		return map[string]float64{"fid.tail": fid, "label_accuracy.all": accuracy}
	}
	halted := done(4, 0.4, sweep.StatusStopped, nil)
	halted.Rungs = []sweep.Rung{{Step: 10, Metrics: both(9, 0.1)}, {Step: 20, Metrics: both(8, 0.2)}}
	repeat := done(7, 0.1, sweep.StatusCompleted, both(3, 0.7))
	repeat.Seed = 2
	exploded := done(8, 0.2, sweep.StatusDiverged, nil)
	exploded.Seed = 2
	foreign := done(9, 0.9, sweep.StatusCompleted, both(0, 1))
	foreign.Params = sweep.Params{"aa": sweep.Number(0.9), "zz": sweep.Number(1)}
	tooLarge := done(13, 0.95, sweep.StatusFailed, nil)
	tooLarge.Error = &sweep.Failure{Class: sweep.FailOutOfMemory}
	list := observations(Request{Spec: spec, Ledger: []sweep.Trial{
		done(1, 0.1, sweep.StatusCompleted, both(5, 0.5)),
		done(2, 0.2, sweep.StatusCompleted, both(1, 0.9)),
		done(3, 0.3, sweep.StatusDiverged, nil),
		halted,
		done(5, 0.5, sweep.StatusFailed, both(0, 1)),
		done(6, 0.6, sweep.StatusCancelled, both(0, 1)),
		repeat, exploded, foreign,
		done(10, 0.7, sweep.StatusCompleted, map[string]float64{"fid.tail": 1}),
		done(11, 0.8, sweep.StatusCompleted, both(math.NaN(), 1)),
		done(12, 0.85, sweep.StatusStopped, nil),
		tooLarge,
	}}, space.NewCube(spec))
	require.Equal(t, []observation{
		{u: []float64{0.1}, outcome: completed, values: []float64{4, -0.6}, excess: []float64{}, feasible: analysis.Feasible, trials: 2, number: 1},
		{u: []float64{0.2}, outcome: diverged, number: 2},
		{u: []float64{0.3}, outcome: diverged, number: 3},
		{u: []float64{0.4}, outcome: stopped, values: []float64{8, -0.2}, rung: both(8, 0.2), step: 20, number: 4},
		{u: []float64{0.85}, outcome: stopped, number: 12},
		{u: []float64{0.95}, outcome: diverged, number: 13},
	}, list)
	require.Equal(t, []int{0, 3, 4, 1, 2, 5}, ranked(list))
}

func TestViolationsDoNotDependOnUnits(t *testing.T) {
	spec := cube(1, 1)
	for _, text := range []string{"fid.head <= baseline.fid.head + 1", "label_accuracy.all >= 1e-9"} {
		c, err := sweep.ParseConstraint(text)
		require.NoError(t, err)
		spec.Constraints = append(spec.Constraints, c)
	}
	r := Request{Spec: spec, Ledger: []sweep.Trial{
		done(1, 0.1, sweep.StatusCompleted, values(1, 5, 1)),
		done(2, 0.2, sweep.StatusCompleted, values(1, 7, 1)),
		done(3, 0.3, sweep.StatusCompleted, values(1, 3, 0)),
		done(4, 0.4, sweep.StatusCompleted, values(1, 4, 0.5e-9)),
		done(5, 0.5, sweep.StatusCompleted, values(1)), // without the constraints' metrics
	}}
	violations := func() (v []float64) {
		for _, o := range observations(r, space.NewCube(spec)) {
			v = append(v, o.violation)
		}
		return v
	}
	require.Equal(t, []float64{0, 0, 1, 0.5, 0}, violations(), "no baseline yet: its constraint is ignored")
	base := done(0, 0, sweep.StatusCompleted, values(1, 2, 1))
	base.Kind, base.Params = sweep.KindBaseline, sweep.Params{"zz": sweep.Number(1)}
	r.Ledger = append(r.Ledger, base)
	require.Equal(t, []float64{0.5, 1, 1, 0.75, 0}, violations(), "limit 3: excesses 2, 4, 0, 1")

	for i := range r.Ledger {
		for name := range r.Ledger[i].Metrics {
			r.Ledger[i].Metrics[name] *= 1e307
		}
	}
	for _, v := range violations() {
		require.False(t, math.IsNaN(v) || math.IsInf(v, 0))
	}
}

func TestRankedOrdersByCrowdingDistance(t *testing.T) {
	var list []observation
	for _, v := range [][]float64{{0, 10}, {1, 6}, {2, 5}, {10, 0}, {11, 0}} {
		list = append(list, observation{values: v})
	}
	require.Equal(t, []int{0, 3, 2, 1, 4}, ranked(list), "the last is of the second front")
}

func TestRankedPutsFeasibleFirst(t *testing.T) {
	list := []observation{
		{outcome: stopped, step: 10, values: []float64{0}},
		{outcome: diverged},
		{values: []float64{0}, violation: 2, feasible: analysis.Infeasible},
		{values: []float64{9}, feasible: analysis.Feasible},
		{values: []float64{0}, violation: 1, feasible: analysis.Infeasible},
		{outcome: stopped, step: 20, values: []float64{7}},
		{values: []float64{8}, feasible: analysis.Feasible},
		{outcome: stopped, step: 20, values: []float64{6}},
		{values: []float64{1}, violation: 0.1, feasible: analysis.Undecided},
		{values: []float64{5}, feasible: analysis.Undecided},
		{values: []float64{4}, feasible: analysis.Undecided},
	}
	require.Equal(t, []int{6, 3, 10, 9, 8, 4, 2, 7, 5, 0, 1}, ranked(list))
}

// The methods rank by the feasibility that best shows: a trial within its limit, but whose
// interval is not, comes after one that is feasible with a worse objective.
func TestUndecidedTrialsRankAfterFeasibleOnes(t *testing.T) {
	spec := cube(1, 1)
	c, err := sweep.ParseConstraint("fid.head <= 10")
	require.NoError(t, err)
	spec.Constraints = []sweep.Constraint{c}
	r := Request{Spec: spec, Ledger: []sweep.Trial{
		done(1, 0.1, sweep.StatusCompleted, values(1, 9, 1)),
		done(2, 0.2, sweep.StatusCompleted, values(2, 5, 1)),
		done(3, 0.3, sweep.StatusCompleted, values(3, 11, 1)),
		done(4, 0.4, sweep.StatusCompleted, values(0, 20, 1)),
	}}
	for i := range r.Ledger {
		r.Ledger[i].StandardError = map[string]float64{"fid.head": 1}
	}
	list := observations(r, space.NewCube(spec))
	feasibilities := analysis.Feasibilities(spec, r.Ledger)
	for i, o := range list {
		require.Equal(t, feasibilities[r.Ledger[i].Number], o.feasible)
	}
	require.Equal(t, []int{1, 0, 2, 3}, ranked(list))
}
