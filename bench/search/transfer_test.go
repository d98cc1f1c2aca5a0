package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// A range of an exchanged problem has the part of the next one of its kind, at the same
// share; those of other kinds, conditional ones and categories keep theirs.
func TestExchanged(t *testing.T) {
	when := &sweep.Condition{Param: "a", Op: ">", Value: sweep.Number(0)}
	p := problems.Problem{Objectives: 1, Space: []sweep.Parameter{
		{Name: "a", Distribution: sweep.DistUniform, Min: 1, Max: 3},
		{Name: "b", Distribution: sweep.DistUniform, Max: 10},
		{Name: "c", Distribution: sweep.DistLogUniform, Min: 1, Max: 100},
		{Name: "d", Distribution: sweep.DistUniform, Max: 1, When: when},
		{Name: "e", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("x"), sweep.Word("y")}},
		{Name: "f", Distribution: sweep.DistLogUniform, Min: 1, Max: 100, Zero: 0.2},
		{Name: "g", Distribution: sweep.DistLogUniform, Min: 1e-2, Max: 1, Zero: 0.2},
	}}
	var got sweep.Params
	p.Eval = func(params sweep.Params) ([]float64, []float64) {
		got = maps.Clone(params)
		return []float64{0}, nil
	}
	given := sweep.Params{"a": sweep.Number(1.5), "b": sweep.Number(8), "c": sweep.Number(7), "d": sweep.Number(0.3), "e": sweep.Word("y"), "f": sweep.Number(10), "g": sweep.Number(0)}
	exchanged(p).Eval(given)
	want := map[string]float64{"a": 2.6, "b": 2.5, "c": 7, "d": 0.3, "f": 0, "g": 0.1}
	for name, v := range want {
		require.InDelta(t, v, got[name].Float(), 1e-12, name)
	}
	require.Equal(t, given["e"], got["e"])
}
