package problems

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// along samples a curve, parameter t from low to high.
func along(low, high float64, f func(t float64) []float64) [][]float64 {
	const n = 50_000
	points := make([][]float64, n+1)
	for i := range points {
		points[i] = f(low + (high-low)*float64(i)/n)
	}
	return points
}

// TestVolumes computes volumes from the known Pareto sets, which are curves. TestNumeric
// checks that nothing lies beyond them.
func TestVolumes(t *testing.T) {
	check := func(name string, points [][]float64) {
		p, ok := Lookup(name)
		require.True(t, ok)
		require.InEpsilon(t, analysis.Hypervolume(points, p.Reference), p.Volume, 1e-4, name)
	}
	objective := func(f func(x []float64) (values, constraints []float64), x ...float64) []float64 {
		values, constraints := f(x)
		for _, c := range constraints {
			require.LessOrEqual(t, c, 1e-9)
		}
		return values
	}

	check("zdt1", along(0, 1, func(f float64) []float64 { return []float64{f, zdt1(f, 1)} }))
	check("zdt2", along(0, 1, func(f float64) []float64 { return []float64{f, zdt2(f, 1)} }))
	check("zdt3", along(0, 1, func(f float64) []float64 { return []float64{f, zdt3(f, 1)} }))
	check("dtlz2", along(0, math.Pi/2, func(a float64) []float64 { return []float64{math.Cos(a), math.Sin(a)} }))

	// Binh & Korn: the diagonal, then x2 at its bound.
	check("bnh", append(
		along(0, 3, func(x float64) []float64 { return objective(bnh, x, x) }),
		along(3, 5, func(x float64) []float64 { return objective(bnh, x, 3) })...))

	// Gradients are opposite at x1 = -2.5; below it the line of the second
	// constraint leads to the lowest f1, above it the circle of the first to the
	// lowest f2.
	end := math.Sqrt(225 - 2.5*2.5)
	check("srn", append(append(
		along(2.5, 3.7, func(y float64) []float64 { return objective(srn, 3*y-10, y) }),
		along(2.5, end, func(y float64) []float64 { return objective(srn, -2.5, y) })...),
		along(-2.5, -6, func(x float64) []float64 { return objective(srn, x, math.Sqrt(225-x*x)) })...))

	// The border of the first constraint, in polar coordinates, where the second is satisfied.
	check("tnk", along(1e-6, math.Pi/2-1e-6, func(a float64) []float64 {
		r := math.Sqrt(1 + 0.1*math.Cos(16*a)) // cos(16 a) is even about 45 degrees
		x := []float64{r * math.Cos(a), r * math.Sin(a)}
		if _, c := tnk(x); c[1] > 0 {
			return []float64{9, 9}
		}
		return x
	}))

	check("constr-ex", along(7./18, 1, func(x float64) []float64 {
		return objective(constrEx, x, math.Max(0, 6-9*x)+1e-12)
	}))

	// Deb, Multi-Objective Optimization Using Evolutionary Algorithms, 2001, table 27: five pieces.
	check("osy", append(append(append(append(
		along(1, 5, func(x float64) []float64 { return objective(osy, 5, 1, x, 0, 5, 0) }),
		along(1, 5, func(x float64) []float64 { return objective(osy, 5, 1, x, 0, 1, 0) })...),
		along(4.056, 5, func(x float64) []float64 { return objective(osy, x, (x-2)/3, 1, 0, 1, 0) })...),
		along(1, 3.732, func(x float64) []float64 { return objective(osy, 0, 2, x, 0, 1, 0) })...),
		along(0, 1, func(x float64) []float64 { return objective(osy, x, 2-x, 1, 0, 1, 0) })...))

	// The islands: the unit circle within them, and their own borders outside it.
	island := func(x []float64) []float64 {
		if math.Hypot(x[0], x[1]) < 1-1e-12 || x[0] < 0 || x[1] < 0 || islands(x, 0.2) > 1e-12 {
			return []float64{9, 9}
		}
		return x
	}
	points := along(0, math.Pi/2, func(a float64) []float64 { return island([]float64{math.Cos(a), math.Sin(a)}) })
	for _, c := range [][]float64{{1, 0}, {0, 1}, {math.Sqrt2 / 2, math.Sqrt2 / 2}} {
		points = append(points, along(0, 2*math.Pi, func(a float64) []float64 {
			return island([]float64{c[0] + 0.2*math.Cos(a), c[1] + 0.2*math.Sin(a)})
		})...)
	}
	check("c2dtlz2", points)
}
