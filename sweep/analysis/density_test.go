package analysis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestCoordinate(t *testing.T) {
	for name, c := range map[string]struct {
		p    sweep.Parameter
		v    sweep.Value
		want float64
		ok   bool
	}{
		"a number":               {sweep.Parameter{Distribution: sweep.DistUniform}, sweep.Number(3), 3, true},
		"zero as a number":       {sweep.Parameter{Distribution: sweep.DistUniform}, sweep.Number(0), 0, true},
		"zero next to a range":   {sweep.Parameter{Distribution: sweep.DistUniform, Zero: 0.1}, sweep.Number(0), 0, false},
		"log":                    {sweep.Parameter{Distribution: sweep.DistLogUniform, Zero: 0.1}, sweep.Number(0.01), math.Log(0.01), true},
		"log, in steps":          {sweep.Parameter{Distribution: sweep.DistQLogUniform}, sweep.Number(8), math.Log(8), true},
		"log-normal":             {sweep.Parameter{Distribution: sweep.DistLogNormal}, sweep.Number(8), math.Log(8), true},
		"normal":                 {sweep.Parameter{Distribution: sweep.DistNormal}, sweep.Number(-8), -8, true},
		"zero of a log":          {sweep.Parameter{Distribution: sweep.DistLogUniform, Zero: 0.1}, sweep.Number(0), 0, false},
		"a word":                 {sweep.Parameter{Distribution: sweep.DistCategorical}, sweep.Word("x"), 0, false},
		"a number as a word":     {sweep.Parameter{Distribution: sweep.DistCategorical}, sweep.Number(4), 0, false},
		"an ordinal's place":     {sweep.Parameter{Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(10), sweep.Word("x"), sweep.Number(30)}}, sweep.Word("x"), 1, true},
		"no value of an ordinal": {sweep.Parameter{Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(10)}}, sweep.Number(4), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			u, ok := coordinate(c.p, c.v)
			require.Equal(t, c.ok, ok)
			if ok {
				require.InDelta(t, c.want, u, 1e-12)
			}
		})
	}
}

// By hand, without smoothing: of 10 configurations with words x x x x x y y y y y the
// best four are x x x y: q/p is 1.5 and 0.5, and v = (4/10)^2 * 1/4.
func TestExplainedByHand(t *testing.T) {
	var entries []entry
	for _, w := range []string{"x", "x", "x", "y", "x", "x", "y", "y", "y", "y"} {
		entries = append(entries, entry{params: sweep.Params{"w": sweep.Word(w)}})
	}
	a := newAxis(sweep.Parameter{Name: "w", Distribution: sweep.DistCategorical}, entries, 4)
	require.InDelta(t, 0.16*0.25, a.explained([]int{0, 1, 2, 3}), 1e-12)

	// Twice as many settings, half of which do not have it: the chance to be among
	// the best varies as before where it is, and that is in half of them.
	for range 10 {
		entries = append(entries, entry{})
	}
	a = newAxis(sweep.Parameter{Name: "w", Distribution: sweep.DistCategorical}, entries, 6)
	require.Equal(t, 10, a.active)
	require.InDelta(t, 0.5*0.16*0.25, a.explained([]int{0, 1, 2, 3, 10, 11}), 1e-12)
	require.Zero(t, a.explained([]int{10, 11}))
}

// Smoothing moves mass and loses none at the ends.
func TestDensityKeepsItsMass(t *testing.T) {
	var entries []entry
	for _, x := range []float64{0, 1e-3, 1e-3, 0.02, 0.5, 1} {
		entries = append(entries, entry{params: sweep.Params{"x": sweep.Number(x)}})
	}
	a := newAxis(sweep.Parameter{Name: "x", Distribution: sweep.DistLogUniform, Zero: 0.2}, entries, 4)
	sum := 0.0
	for _, p := range a.p {
		sum += p
	}
	require.InDelta(t, 1, sum, 1e-12)
	require.InDelta(t, 1.0/6, a.p[rangeBins], 1e-12, "the zero has a bin of its own")
	require.Equal(t, []int{rangeBins, 0, 0, 21, 44, 49}, a.bin, "in the logarithm")
}
