package space

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

var everyKind = &sweep.Spec{Parameters: []sweep.Parameter{
	{Name: "alignment.exponent", Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(0), sweep.Number(1), sweep.Number(4)}},
	{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.3},
	{Name: "alignment.window", Distribution: sweep.DistUniform, Max: 0.8, When: &sweep.Condition{Param: "alignment.weight", Op: ">", Value: sweep.Number(0)}},
	{Name: "batch", Distribution: sweep.DistIntUniform, Min: 30, Max: 35},
	{Name: "ema", Distribution: sweep.DistNormal, Mu: 0.9, Sigma: 0.1, Max: 0.99},
	{Name: "infonce.exponent", Distribution: sweep.DistQLogUniform, Min: 1, Max: 10, Q: 1, Zero: 0.3},
	{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("cond"), sweep.Word("uncond")}},
	{Name: "infonce.stop_gradient", Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Word("none"), sweep.Word("negatives")}},
	{Name: "infonce.weight", Distribution: sweep.DistLogNormal, Mu: -2, Sigma: 1, Min: 0.01, Max: 3, Zero: 0.3},
	{Name: "infonce.window", Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.75, Q: 0.1},
	{Name: "resampling.factor", Distribution: sweep.DistUniform, Min: 0.1, Max: 1, Zero: 0.3},
}}

// A point of the cube gives parameters, and these give the point.
func TestSpaceRoundTrip(t *testing.T) {
	s := NewCube(everyKind)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		params := s.Params(s.Draw(rng))
		u, ok := s.Point(params)
		require.True(t, ok)
		for k, p := range s.Order {
			if !IsCategorical(p) {
				require.GreaterOrEqual(t, u[k], 0.0)
				require.LessOrEqual(t, u[k], 1.0)
			}
			v, active := params[p.Name]
			if active {
				require.NoError(t, Legal(p, v))
			}
			if active && p.Zero > 0 {
				require.Equal(t, v == sweep.Number(0), u[k] < Gap, "zeros, and only they, are below the Gap")
			}
		}
		again := s.Params(u)
		require.Len(t, again, len(params))
		for name, v := range params {
			if v.IsWord() {
				require.Equal(t, v, again[name])
				continue
			}
			require.InDelta(t, v.Float(), again[name].Float(), 1e-9, name)
		}
	}
}

func TestEndsOfALogRangeAreAsWritten(t *testing.T) {
	for _, p := range []sweep.Parameter{
		{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3},
		{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
	} {
		lowest := 0.0
		if p.Zero > 0 {
			lowest = Gap
		}
		require.Equal(t, sweep.Number(1e-3), decode(p, lowest))
		require.Equal(t, sweep.Number(3), decode(p, 1))
	}
}

// Each value of a list or step of a range has an equal share of the coordinate, except in
// q_log_uniform_values: there a step is as wide as its logarithm, here 1 to 10 from
// ln 0.5 to ln 10.5.
func TestSharesOfACoordinate(t *testing.T) {
	const n = 100_000
	numbers := func(fs ...float64) (vs []sweep.Value) {
		for _, f := range fs {
			vs = append(vs, sweep.Number(f))
		}
		return vs
	}
	share := func(v float64) float64 { return math.Log((v+0.5)/(v-0.5)) / math.Log(21) }
	for _, c := range []struct {
		p    sweep.Parameter
		want map[float64]float64
	}{
		{sweep.Parameter{Distribution: sweep.DistOrdinal, Values: numbers(0, 1, 10, 50)}, map[float64]float64{0: .25, 1: .25, 10: .25, 50: .25}},
		{sweep.Parameter{Distribution: sweep.DistIntUniform, Min: 2, Max: 3}, map[float64]float64{2: .5, 3: .5}},
		{sweep.Parameter{Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.35, Q: 0.1}, map[float64]float64{0.1: 1. / 3, 0.2: 1. / 3, 0.3: 1. / 3}},
		{sweep.Parameter{Distribution: sweep.DistQLogUniform, Min: 1, Max: 10.2, Q: 1}, map[float64]float64{
			1: share(1), 2: share(2), 3: share(3), 4: share(4), 5: share(5), 6: share(6), 7: share(7), 8: share(8), 9: share(9), 10: share(10)}},
	} {
		got := make(map[float64]float64)
		for i := range n + 1 {
			v := decode(c.p, float64(i)/n)
			require.NoError(t, Legal(c.p, v))
			got[v.Float()] += 1. / n
		}
		require.Len(t, got, len(c.want), c.p.Distribution)
		for v, share := range c.want {
			require.InDeltaf(t, share, got[v], 3./n, "%s %g", c.p.Distribution, v)
			u, ok := encode(c.p, sweep.Number(v))
			require.True(t, ok)
			require.Equal(t, sweep.Number(v), decode(c.p, u))
		}
	}
}

// Only values without an order are indices; ordered ones are places in [0, 1].
func TestRandomPointsRecur(t *testing.T) {
	weight := sweep.Parameter{Name: "infonce.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3}
	zero, window, batch := weight, weight, weight
	zero.Zero = 0.2
	window.Name, window.When = "infonce.window", &sweep.Condition{Param: "infonce.weight", Op: ">", Value: sweep.Number(1)}
	batch.Name, batch.Distribution, batch.Min, batch.Max = "batch", sweep.DistIntUniform, 1, 512
	for _, c := range []struct {
		parameters []sweep.Parameter
		recurs     bool
	}{
		{[]sweep.Parameter{weight}, false},
		{[]sweep.Parameter{batch, weight, window}, false},
		{[]sweep.Parameter{batch}, true},
		{[]sweep.Parameter{zero}, true},
		{[]sweep.Parameter{zero, window}, true},
	} {
		require.Equal(t, c.recurs, NewCube(&sweep.Spec{Parameters: c.parameters}).Recurs(), "%v", c.parameters)
	}
}

func TestOrdinalIsNotCategorical(t *testing.T) {
	values := []sweep.Value{sweep.Word("none"), sweep.Word("uncond"), sweep.Word("cond")}
	s := NewCube(&sweep.Spec{Parameters: []sweep.Parameter{
		{Name: "a", Distribution: sweep.DistOrdinal, Values: values},
		{Name: "b", Distribution: sweep.DistCategorical, Values: values},
	}})
	require.Equal(t, []bool{false, true}, s.Categorical())
	require.True(t, s.Finite())
	for i, v := range values {
		u, ok := s.Point(sweep.Params{"a": v, "b": v})
		require.True(t, ok)
		require.InDeltaSlice(t, []float64{(float64(i) + 0.5) / 3, float64(i)}, u, 1e-12)
	}
	_, ok := s.Point(sweep.Params{"a": sweep.Word("both")})
	require.False(t, ok)
}

func TestPointRefusesOtherSpaces(t *testing.T) {
	s := NewCube(everyKind)
	for _, params := range []sweep.Params{
		{"lr": sweep.Number(1e-3)},
		{"infonce.pass": sweep.Word("both")},
		{"batch": sweep.Word("cond")},
	} {
		_, ok := s.Point(params)
		require.False(t, ok, params.Key())
	}
	u, ok := s.Point(sweep.Params{"alignment.weight": sweep.Number(0)})
	require.True(t, ok, "a baseline sets less than the search")
	require.Zero(t, u[slices.IndexFunc(s.Order, func(p sweep.Parameter) bool { return p.Name == "alignment.weight" })])
}

// Near stays in the cube, and reaches zeros and words.
func TestNearStaysInTheCube(t *testing.T) {
	s := NewCube(everyKind)
	rng := rand.New(rand.NewPCG(1, 1))
	seen := make(map[string]bool)
	u := s.Draw(rng)
	for range 2000 {
		u = s.Snap(s.Near(rng, u, 0.3))
		params := s.Params(u)
		for k, p := range s.Order {
			if IsCategorical(p) {
				require.Contains(t, []float64{0, 1}, u[k])
				seen[params[p.Name].String()] = true
				continue
			}
			require.True(t, u[k] >= 0 && u[k] <= 1)
			require.False(t, p.Zero > 0 && u[k] > 0 && u[k] < Gap, "nothing is inside the Gap")
			seen[p.Name+" zero"] = seen[p.Name+" zero"] || params[p.Name] == sweep.Number(0)
		}
	}
	require.True(t, seen["cond"] && seen["uncond"] && seen["alignment.weight zero"] && seen["resampling.factor zero"])
}

// Every configuration of the space is a point that a user may ask for.
func TestCheckPointAcceptsTheSpace(t *testing.T) {
	s := NewCube(everyKind)
	rng := rand.New(rand.NewPCG(2, 1))
	for i := range 500 {
		u := s.Draw(rng)
		if i < 2 { // the ends
			for k, p := range s.Order {
				u[k] = float64(i)
				if IsCategorical(p) {
					u[k] = 0
				}
			}
		}
		params := s.Params(u)
		require.NoError(t, CheckPoint(everyKind, params))
		params["lr"] = sweep.Number(0.1)
		require.ErrorContains(t, CheckPoint(everyKind, params), "lr: is not in parameters")
	}
}
