package console

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlot(t *testing.T) {
	require.Equal(t, []string{"    nothing to draw"}, Plot([]float64{math.NaN()}, 0))
	require.Equal(t, []string{
		"           9 | *", "             |", "             |", "             |", "             |",
		"             |  *", "             |", "             |", "             |", "           1 |   **",
		"             +-----",
		"              1   5 trials",
	}, Plot([]float64{math.NaN(), 9, 5, 1, 1}, 0))
	flat := Plot([]float64{3, 3, 3}, 0)
	require.Equal(t, "           3 |***", flat[5])
	long := make([]float64, 500)
	for i := range long {
		long[i] = -float64(i)
	}
	for _, line := range Plot(long, 40) {
		require.LessOrEqual(t, len(line), 40)
	}
}
