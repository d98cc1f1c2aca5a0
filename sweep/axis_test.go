package sweep

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCoordinate(t *testing.T) {
	for name, c := range map[string]struct {
		p    Parameter
		v    Value
		want float64
		ok   bool
	}{
		"a number":               {Parameter{Distribution: DistUniform}, Number(3), 3, true},
		"zero as a number":       {Parameter{Distribution: DistUniform}, Number(0), 0, true},
		"zero beside a range":    {Parameter{Distribution: DistUniform, Zero: 0.1}, Number(0), 0, false},
		"log":                    {Parameter{Distribution: DistLogUniform, Zero: 0.1}, Number(0.01), math.Log(0.01), true},
		"log, in steps":          {Parameter{Distribution: DistQLogUniform}, Number(8), math.Log(8), true},
		"log-normal":             {Parameter{Distribution: DistLogNormal}, Number(8), math.Log(8), true},
		"normal":                 {Parameter{Distribution: DistNormal}, Number(-8), -8, true},
		"zero of a log":          {Parameter{Distribution: DistLogUniform, Zero: 0.1}, Number(0), 0, false},
		"a word":                 {Parameter{Distribution: DistCategorical}, Word("x"), 0, false},
		"a number as a word":     {Parameter{Distribution: DistCategorical}, Number(4), 0, false},
		"an ordinal's place":     {Parameter{Distribution: DistOrdinal, Values: []Value{Number(10), Word("x"), Number(30)}}, Word("x"), 1, true},
		"no value of an ordinal": {Parameter{Distribution: DistOrdinal, Values: []Value{Number(10)}}, Number(4), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			u, ok := c.p.coordinate(c.v)
			require.Equal(t, c.ok, ok)
			if ok {
				require.InDelta(t, c.want, u, 1e-12)
			}
		})
	}
}

// By hand, without smoothing: of 10 settings with words x x x x x y y y y y the
// best four are x x x y: q/p is 1.5 and 0.5, and v = (4/10)^2 * 1/4.
func TestExplainedByHand(t *testing.T) {
	var settings []setting
	for _, w := range []string{"x", "x", "x", "y", "x", "x", "y", "y", "y", "y"} {
		settings = append(settings, setting{params: Params{"w": Word(w)}})
	}
	a := newAxis(Parameter{Name: "w", Distribution: DistCategorical}, settings, 4)
	require.InDelta(t, 0.16*0.25, a.explained([]int{0, 1, 2, 3}), 1e-12)

	// Twice as many settings, half of which do not have it: the chance to be among
	// the best varies as before where it is, and that is in half of them.
	for range 10 {
		settings = append(settings, setting{})
	}
	a = newAxis(Parameter{Name: "w", Distribution: DistCategorical}, settings, 6)
	require.Equal(t, 10, a.active)
	require.InDelta(t, 0.5*0.16*0.25, a.explained([]int{0, 1, 2, 3, 10, 11}), 1e-12)
	require.Zero(t, a.explained([]int{10, 11}))
}

// Smoothing moves mass, and loses none at the ends.
func TestDensityKeepsItsMass(t *testing.T) {
	var settings []setting
	for _, x := range []float64{0, 1e-3, 1e-3, 0.02, 0.5, 1} {
		settings = append(settings, setting{params: Params{"x": Number(x)}})
	}
	a := newAxis(Parameter{Name: "x", Distribution: DistLogUniform, Zero: 0.2}, settings, 4)
	sum := 0.0
	for _, p := range a.p {
		sum += p
	}
	require.InDelta(t, 1, sum, 1e-12)
	require.InDelta(t, 1.0/6, a.p[rangeBins], 1e-12, "the zero has a bin of its own")
	require.Equal(t, []int{rangeBins, 0, 0, 21, 44, 49}, a.bin, "in the logarithm")
}
