package sequence

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSobolIsThatOfSciPy(t *testing.T) {
	var want struct {
		Index  []uint32    `json:"index"`
		Points [][]float64 `json:"points"`
	}
	data, err := os.ReadFile("testdata/sobol.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &want))
	for i, index := range want.Index {
		require.Len(t, want.Points[i], Dimensions)
		for k, x := range want.Points[i] {
			require.Equalf(t, x, float64(bitsOf(k, index))/(1<<32), "point %d, dimension %d", index, k)
		}
	}
}

// Each scrambled coordinate is uniform over seeds.
func TestScramblingIsUniform(t *testing.T) {
	const n = 4000
	var mean, square float64
	for seed := range n {
		x := owen(bitsOf(1, 5), uint64(seed))
		mean += x / n
		square += x * x / n
	}
	require.InDelta(t, 0.5, mean, 5*math.Sqrt(1.0/12/n))
	require.InDelta(t, 1.0/3, square, 5*math.Sqrt(4.0/45/n))
}
