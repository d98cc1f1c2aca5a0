package diffusion

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

// requireSlope checks that the gradient of a scalar of rows x is its slope, by central
// differences, in every entry. Third derivatives and float32 leave what tolerance allows.
func requireSlope(t *testing.T, x [][]float32, tolerance float64, value func(x *Node) *Node) {
	t.Helper()
	at := func() float64 {
		return float64(flat(t, eval(t, func(in []*Node) []*Node { return []*Node{value(in[0])} }, x)[0])[0])
	}
	grad := flat(t, eval(t, func(in []*Node) []*Node { return Gradient(value(in[0]), in[0]) }, x)[0])
	const step = 1e-2
	moved := false
	for i := range x {
		for k := range x[i] {
			was := x[i][k]
			x[i][k] = was + step
			up := at()
			x[i][k] = was - step
			down := at()
			x[i][k] = was
			got := grad[i*len(x[i])+k]
			require.InDelta(t, (up-down)/(2*step), got, tolerance, "[%d][%d]", i, k)
			moved = moved || got > 100*float32(tolerance) || got < -100*float32(tolerance)
		}
	}
	require.True(t, moved, "a gradient within the tolerance of zero proves nothing")
}
