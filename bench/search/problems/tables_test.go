package problems

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestTableInterpolates(t *testing.T) {
	p := table{Name: "t", Axes: []tableAxis{
		{Name: "kind", Choices: []string{"a", "b"}},
		{Name: "rate", Values: []float64{1, 100}, Log: true},
		{Name: "size", Values: []float64{0, 1, 3}, Int: true},
	}, Values: []float64{
		0, 1, 2, 10, 11, 12,
		5, 5, 5, 5, 5, 9,
	}}.problem()
	at := func(kind string, rate, size float64) float64 {
		values, _ := p.Eval(sweep.Params{"kind": sweep.Word(kind), "rate": sweep.Number(rate), "size": sweep.Number(size)})
		return values[0]
	}
	require.Zero(t, p.Best)
	require.Equal(t, 0.0, at("a", 1, 0))
	require.Equal(t, 12.0, at("a", 100, 3))
	require.InDelta(t, 5, at("a", 10, 0), 1e-12, "halfway in the logarithm")
	require.InDelta(t, 1.5, at("a", 1, 2), 1e-12)
	require.InDelta(t, 6.5, at("a", 10, 2), 1e-12)
	require.InDelta(t, 6, at("b", 10, 2), 1e-12, "halfway both ways to the 9")
	require.Equal(t, []sweep.Distribution{sweep.DistCategorical, sweep.DistLogUniform, sweep.DistIntUniform},
		[]sweep.Distribution{p.Space[0].Distribution, p.Space[1].Distribution, p.Space[2].Distribution})
}
