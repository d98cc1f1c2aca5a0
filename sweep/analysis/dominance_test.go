package analysis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNonDominatedAgainstAllPairs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for d := 1; d <= 4; d++ {
		for range 50 {
			points := make([][]float64, rng.IntN(60))
			for i := range points {
				points[i] = make([]float64, d)
				for k := range points[i] {
					points[i][k] = float64(rng.IntN(8))
				}
			}
			want := []int{}
			for i, p := range points {
				if !slices.ContainsFunc(points, func(q []float64) bool { return Beats(q, p) }) {
					want = append(want, i)
				}
			}
			require.Equal(t, want, append([]int{}, NonDominated(points)...))
		}
	}
}

// A front is the points that no other of the remaining points dominates.
func TestFrontsAgainstTheDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range []int{1, 2, 3, 5} {
		var points [][]float64
		var rest []int
		for i := range 60 {
			p := make([]float64, d)
			for k := range p {
				p[k] = float64(rng.IntN(6)) // ties
			}
			points, rest = append(points, p), append(rest, i)
		}
		for _, front := range Fronts(points) {
			var want, left []int
			for _, i := range rest {
				if slices.ContainsFunc(rest, func(j int) bool { return Beats(points[j], points[i]) }) {
					left = append(left, i)
				} else {
					want = append(want, i)
				}
			}
			require.ElementsMatch(t, want, front, "%d coordinates", d)
			require.True(t, slices.IsSortedFunc(front, func(i, j int) int { return slices.Compare(points[i], points[j]) }))
			rest = left
		}
		require.Empty(t, rest)
	}
	require.Empty(t, Fronts(nil))
}

func TestCrowdingIsThatOfDeb(t *testing.T) {
	inf := math.Inf(1)
	points := [][]float64{{99, 99}, {0, 10}, {1, 6}, {2, 5}, {10, 0}}
	require.Equal(t, []float64{inf, 2.0/10 + 5.0/10, 9.0/10 + 6.0/10, inf}, Crowding(points, []int{1, 2, 3, 4}))
	require.Equal(t, []float64{0, 0, 0}, Crowding([][]float64{{3, 1}, {3, 1}, {3, 1}}, []int{0, 1, 2}), "equal ones have no ends")
	far := [][]float64{{-math.MaxFloat64, 1}, {0, 0.5}, {math.MaxFloat64, 0}}
	require.Equal(t, []float64{inf, 2, inf}, Crowding(far, []int{0, 1, 2}))
	require.Empty(t, Crowding(points, nil))
}
