package diffusion

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

func TestDispersiveByHand(t *testing.T) {
	// |z_1 - z_2|^2 = 4 + 1, D = 2, tau = .5; two self-pairs of four.
	got := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{Dispersive(in[0], 0.5)} }, [][]float32{{1, 2}, {3, 1}})[0])
	require.InDelta(t, math.Log((2+2*math.Exp(-5))/4), got[0], 1e-6)

	same := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{Dispersive(in[0], 0.5)} }, [][]float32{{300, 2}, {300, 2}})[0])
	require.InDelta(t, 0, same[0], 1e-6)
	far := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{Dispersive(in[0], 0.01)} }, [][]float32{{300, 2}, {-300, 2}})[0])
	require.InDelta(t, -math.Log(2), far[0], 1e-6, "self-pairs are what is left")

	requireSlope(t, [][]float32{{1, 0}, {0.5, 1}, {0, 0.3}}, 1e-4, func(z *Node) *Node { return Dispersive(z, 0.5) })
}
