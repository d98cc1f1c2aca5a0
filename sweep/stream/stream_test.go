package stream

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The numbers are those of Go 1.26. If a Go release changes one, every search, split and
// simulation with the same seed would change: then compute that method's numbers from
// Uint64 here, as Go 1.26 did.
func TestNumbersAreFixed(t *testing.T) {
	r := Named("tailsweep")
	require.Equal(t, uint64(0x6111c8fe26feda52), r.Uint64(), "PCG of the name's FNV-1a hash")
	require.Equal(t, 0.21941782478675631, r.Float64())
	require.Equal(t, -0.55771555375087456, r.NormFloat64())
	require.Equal(t, 0.42801528237723535, r.ExpFloat64())
	require.Equal(t, 942, r.IntN(1000))
	require.Equal(t, 514259, r.IntN(1<<20))
	require.Equal(t, []int{7, 6, 3, 4, 5, 1, 2, 0}, r.Perm(8))

	// Sums over many draws, so that rare branches (tails, rejections) are taken.
	sum := func(draw func() float64) (total float64) {
		for range 1000 {
			total += draw()
		}
		return total
	}
	normal, exponential, uniform, integer := Named("normal"), Named("exponential"), Named("uniform"), Named("integer")
	require.Equal(t, -20.539153218336946, sum(normal.NormFloat64))
	require.Equal(t, 977.748409946621, sum(exponential.ExpFloat64))
	require.Equal(t, 478.89662261186282, sum(uniform.Float64))
	total := 0
	for i := range 1000 {
		total += integer.IntN(3 + i)
	}
	require.Equal(t, 249055, total)
}

func TestNamesDiffer(t *testing.T) {
	require.Equal(t, Named("a").Uint64(), Named("a").Uint64())
	require.NotEqual(t, Named("a").Uint64(), Named("b").Uint64())
}
