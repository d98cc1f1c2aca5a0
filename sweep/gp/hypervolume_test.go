package gp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func randomFront(rng *rand.Rand, n, m int) [][]float64 {
	front := make([][]float64, n)
	for i := range front {
		front[i] = make([]float64, m)
		for k := range m {
			front[i][k] = math.Floor(rng.Float64()*12) / 10 // ties, and points beyond the reference
		}
	}
	return front
}

// A point is in exactly one box when nothing dominates it, and in none otherwise.
func TestUndominatedBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for m := 1; m <= 4; m++ {
		for range 30 {
			front := randomFront(rng, rng.IntN(8), m)
			reference := make([]float64, m)
			for k := range reference {
				reference[k] = 1
			}
			boxes := undominated(front, reference)
			for range 200 {
				y := make([]float64, m)
				for k := range y {
					y[k] = rng.Float64()*1.4 - 0.2
				}
				want, in := 1, 0
				for _, f := range append(front, nil) {
					dominated := f != nil
					for k := range f {
						dominated = dominated && f[k] <= y[k]
					}
					if dominated {
						want = 0
					}
				}
				for k := range y {
					if y[k] >= 1 {
						want = 0
					}
				}
				for _, b := range boxes {
					inside := true
					for k := range y {
						inside = inside && y[k] >= b.Low[k] && y[k] < b.High[k]
					}
					if inside {
						in++
					}
				}
				require.Equalf(t, want, in, "m %d front %v y %v", m, front, y)
			}
		}
	}
}

// EHVI is the mean improvement of draws, counted on a fine grid of the boxes.
func TestEHVIEqualsMonteCarlo(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for m := 2; m <= 3; m++ {
		front := randomFront(rng, 5, m)
		reference, mean, sd := make([]float64, m), make([]float64, m), make([]float64, m)
		for k := range m {
			reference[k], mean[k], sd[k] = 1, 0.5+0.2*rng.Float64(), 0.2+0.2*rng.Float64()
		}
		boxes, region := undominated(front, reference), NewRegion(front, reference)
		const draws = 400_000
		var sum float64
		for range draws {
			y := make([]float64, m)
			for k := range y {
				y[k] = mean[k] + sd[k]*rng.NormFloat64()
			}
			for _, b := range boxes {
				volume := 1.0
				for k := range y {
					volume *= math.Max(b.High[k]-math.Max(b.Low[k], y[k]), 0)
				}
				sum += volume
			}
		}
		got := region.EHVI(mean, sd, nil, nil, &EHVIWorkspace{})
		require.InEpsilon(t, sum/draws, got, 0.02)
	}
}

// The tolerance is that of central differences with step 1e-6 in float64.
func TestEHVIGradientEqualsFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	region, work := NewRegion(randomFront(rng, 6, 3), []float64{1, 1, 1}), &EHVIWorkspace{}
	at := func(mean, sd []float64) float64 {
		return region.EHVI(mean, sd, nil, nil, work)
	}
	mean, sd := []float64{0.4, 0.6, 0.3}, []float64{0.2, 0.4, 0.3}
	dMean, dSD := make([]float64, 3), make([]float64, 3)
	require.InDelta(t, at(mean, sd), region.EHVI(mean, sd, dMean, dSD, work), 0)
	const h = 1e-6
	for k := range mean {
		for _, c := range []struct{ at, got []float64 }{{mean, dMean}, {sd, dSD}} {
			was := c.at[k]
			c.at[k] = was + h
			up := at(mean, sd)
			c.at[k] = was - h
			down := at(mean, sd)
			c.at[k] = was
			require.InDelta(t, (up-down)/(2*h), c.got[k], 1e-6)
		}
	}
}
