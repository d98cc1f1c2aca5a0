package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sequence"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// cube is a spec of d uniform parameters on [0, 1].
func cube(d int, seed int64) *sweep.Spec {
	spec := &sweep.Spec{Seed: seed, Train: sweep.Train{Seed: 1}, Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}}
	for k := range d {
		spec.Parameters = append(spec.Parameters, sweep.Parameter{Name: string(rune('a'+k%26)) + string(rune('a'+k/26)), Distribution: sweep.DistUniform, Max: 1})
	}
	return spec
}

func TestSobolIsStratified(t *testing.T) {
	const n, d = 64, 70 // six dimensions more than the table has
	spec := cube(d, 3)
	s := space.NewCube(spec)
	points := make([][]float64, n)
	for i := range points {
		points[i] = sobolPoint(s, Request{Spec: spec, Number: i, Index: i})
		require.Equal(t, points[i], sobolPoint(s, Request{Spec: spec, Number: i + 5, Index: i}), "the trial's number does not matter")
	}
	for k := range sequence.Dimensions {
		var cells [n]int
		for _, u := range points {
			cells[int(u[k]*n)]++
		}
		for cell, count := range cells {
			require.Equalf(t, 1, count, "dimension %d, interval %d of %d", k, cell, n)
		}
	}
	require.NotEqual(t, points[0][sequence.Dimensions], points[1][sequence.Dimensions])
	// The first two dimensions form a (0, 6, 2)-net: one point in each of 8 x 8 cells.
	var cells [64]int
	for _, u := range points {
		cells[int(u[0]*8)*8+int(u[1]*8)]++
	}
	require.NotContains(t, cells, 0)
}

func TestSobolIsScrambledBySeed(t *testing.T) {
	s := space.NewCube(cube(2, 1))
	a := sobolPoint(s, Request{Spec: cube(2, 1), Index: 0})
	b := sobolPoint(s, Request{Spec: cube(2, 2), Index: 0})
	require.NotEqual(t, a, b)
	require.NotEqual(t, a[0], a[1], "dimensions are scrambled apart")
}

// A uniform parameter's coordinate is the sequence's, to the last bit: nothing of
// math/rand lies between them. The numbers are those of Go 1.26.
func TestSobolDependsOnNoRandomMethod(t *testing.T) {
	spec := cube(3, 7)
	spec.Parameters[1] = sweep.Parameter{Name: spec.Parameters[1].Name, Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2}
	s := space.NewCube(spec)
	for i, want := range [][]float64{
		{0.88264172502621141, 0, 0.23101514628006881},
		{0.19712691149285078, 0.62723362805897476, 0.81445609589146617},
		{0.37443158233034768, 0.28392386964033023, 0.4204924888074949},
		{0.61845611084102903, 0.97607520448007534, 0.59444596816464201},
		{0.74960320341166486, 0.43228976715376977, 0.97025839151503646},
		{0.41746186218651216, 0.72859725527874686, 0.064449876613136281},
	} {
		r := Request{Spec: spec, Index: i}
		u, point := sobolPoint(s, r), sequence.Point(3, i, 7)
		require.Equal(t, want, u)
		require.Equal(t, point[0], u[0])
		require.Equal(t, point[2], u[2])
	}
}

// discrepancy is the centred L2 discrepancy (Hickernell 1998) of coordinates a and b.
func discrepancy(points [][]float64, a, b int) float64 {
	n := float64(len(points))
	term := func(f func(k int) float64) float64 { return f(a) * f(b) }
	sum := 13.0 / 12 * 13 / 12
	for _, x := range points {
		sum -= 2 / n * term(func(k int) float64 {
			z := math.Abs(x[k] - 0.5)
			return 1 + z/2 - z*z/2
		})
		for _, y := range points {
			sum += 1 / (n * n) * term(func(k int) float64 {
				return 1 + math.Abs(x[k]-0.5)/2 + math.Abs(y[k]-0.5)/2 - math.Abs(x[k]-y[k])/2
			})
		}
	}
	return math.Sqrt(sum)
}

func TestSobolProjectionsAreMoreEvenThanRandomOnes(t *testing.T) {
	const n, d = 50, 10 // n is no power of two
	spec := cube(d, 11)
	s := space.NewCube(spec)
	var even, plain [][]float64
	for i := range n {
		r := Request{Spec: spec, Number: i, Index: i}
		even, plain = append(even, sobolPoint(s, r)), append(plain, s.Draw(randomOf(r)))
	}
	var ratio float64 // geometric mean
	pairs := 0
	for a := range d {
		for b := range a {
			ratio += math.Log(discrepancy(even, a, b) / discrepancy(plain, a, b))
			pairs++
		}
	}
	require.Less(t, math.Exp(ratio/float64(pairs)), 0.6)
}

func TestSobolGivesZerosAndWordsTheirShare(t *testing.T) {
	spec := &sweep.Spec{Seed: 4, Parameters: []sweep.Parameter{
		{Name: "weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.25},
		{Name: "word", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b"), sweep.Word("c"), sweep.Word("d")}},
		{Name: "batch", Distribution: sweep.DistIntUniform, Min: 1, Max: 8},
	}}
	s := space.NewCube(spec)
	const n = 256
	counts := make(map[string]map[sweep.Value]int)
	below := 0
	for i := range n {
		for name, v := range s.Params(sobolPoint(s, Request{Spec: spec, Number: i, Index: i})) {
			if counts[name] == nil {
				counts[name] = make(map[sweep.Value]int)
			}
			counts[name][v]++
			if name == "weight" && v.Float() > 0 && v.Float() < math.Sqrt(3e-3) {
				below++
			}
		}
	}
	require.Equal(t, n/4, counts["weight"][sweep.Number(0)])
	require.InDelta(t, n*3/8, below, 1, "half of the rest below the geometric mean")
	for _, v := range spec.Parameters[1].Values {
		require.Equal(t, n/4, counts["word"][v])
	}
	for v := range 8 {
		require.Equal(t, n/8, counts["batch"][sweep.Number(float64(v+1))])
	}
}
