package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHypervolumeByHand(t *testing.T) {
	for name, c := range map[string]struct {
		points    [][]float64
		reference []float64
		want      float64
	}{
		"none":                      {nil, []float64{1, 1}, 0},
		"one objective":             {[][]float64{{3}, {1}, {7}}, []float64{5}, 4},
		"two boxes that overlap":    {[][]float64{{1, 3}, {2, 1}}, []float64{4, 4}, 3 + 6 - 2},
		"on the reference":          {[][]float64{{1, 4}, {4, 1}}, []float64{4, 4}, 0},
		"beyond it in one":          {[][]float64{{0, 5}, {3, 3}}, []float64{4, 4}, 1},
		"three corners of a cube":   {[][]float64{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}}, []float64{2, 2, 2}, 4},
		"a duplicate counts once":   {[][]float64{{1, 1, 1}, {1, 1, 1}}, []float64{2, 3, 4}, 6},
		"a dominated one adds none": {[][]float64{{1, 1, 1, 1}, {1, 2, 1, 2}}, []float64{3, 3, 3, 3}, 16},
		"infinities and NaN":        {[][]float64{{math.Inf(1), 0}, {math.NaN(), 0}, {1, 1}}, []float64{2, 2}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			require.InDelta(t, c.want, Hypervolume(c.points, c.reference), 1e-12)
		})
	}
}

// cells is the hypervolume by brute force: the coordinates of the points cut
// space into cells, and each that a point dominates counts.
func cells(points [][]float64, reference []float64) float64 {
	d := len(reference)
	cuts := make([][]float64, d)
	for k := range cuts {
		cuts[k] = []float64{reference[k]}
		for _, p := range points {
			cuts[k] = append(cuts[k], min(p[k], reference[k]))
		}
		slices.Sort(cuts[k])
		cuts[k] = slices.Compact(cuts[k])
	}
	var walk func(k int, corner []float64, size float64) float64
	walk = func(k int, corner []float64, size float64) float64 {
		if k == d {
			if slices.ContainsFunc(points, func(p []float64) bool { return atMost(p, corner) }) {
				return size
			}
			return 0
		}
		sum := 0.0
		for i := 1; i < len(cuts[k]); i++ {
			sum += walk(k+1, append(corner[:k:k], cuts[k][i-1]), size*(cuts[k][i]-cuts[k][i-1]))
		}
		return sum
	}
	return walk(0, nil, 1)
}

func atMost(p, q []float64) bool {
	for k := range p {
		if p[k] > q[k] {
			return false
		}
	}
	return true
}

func TestHypervolumeAgainstBruteForce(t *testing.T) {
	for d := 1; d <= 5; d++ {
		t.Run(fmt.Sprintf("%d objectives", d), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(d), 4))
			for round := range 60 {
				n := 1 + rng.IntN([]int{0, 20, 20, 14, 10, 6}[d])
				points := make([][]float64, n)
				for i := range points {
					points[i] = make([]float64, d)
					for k := range points[i] {
						points[i][k] = 1.2*rng.Float64() - 0.1
						if round%2 == 0 { // coarse: equal coordinates, duplicates, points on the reference
							points[i][k] = math.Round(4*points[i][k]) / 4
						}
					}
				}
				reference := slices.Repeat([]float64{1}, d)
				before := fmt.Sprint(points)
				require.InDelta(t, cells(points, reference), Hypervolume(points, reference), 1e-12, "%v", points)
				require.Equal(t, before, fmt.Sprint(points), "the argument stays as it was")
			}
		})
	}
}

// The known volume of a sphere's front: 1 - pi/4 in two objectives, 1 - pi/6 in
// three, the part of the unit cube beyond the unit ball.
func TestHypervolumeOfASphere(t *testing.T) {
	var flat, round [][]float64
	const n = 24
	for i := range n + 1 {
		a := math.Pi / 2 * float64(i) / n
		flat = append(flat, []float64{math.Cos(a), math.Sin(a)})
		for j := range n + 1 {
			b := math.Pi / 2 * float64(j) / n
			round = append(round, []float64{math.Cos(a) * math.Cos(b), math.Cos(a) * math.Sin(b), math.Sin(a)})
		}
	}
	require.InDelta(t, 1-math.Pi/4, Hypervolume(flat, []float64{1, 1}), 0.05)
	require.InDelta(t, 1-math.Pi/6, Hypervolume(round, []float64{1, 1, 1}), 0.06)
}
