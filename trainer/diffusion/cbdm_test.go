package diffusion

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

// Two pixels a sample; squared differences 1 and 4, 9 and 0, 16 and 16.
var (
	cbdmMine  = [][][][]float32{{{{1}, {2}}}, {{{3}, {0}}}, {{{4}, {4}}}}
	cbdmOther = [][][][]float32{{{{0}, {0}}}, {{{0}, {0}}}, {{{0}, {0}}}}
)

func TestCBDMByHand(t *testing.T) {
	out := eval(t, func(in []*Node) []*Node {
		loss := CBDM(in[0], in[1], in[2], in[3])
		return append([]*Node{loss}, Gradient(loss, in[0], in[1])...)
	}, cbdmMine, cbdmOther, []int32{500, 800, 900}, []float32{1, 1, 0})
	require.InEpsilon(t, 1.25*(0.5*2.5+0.8*4.5)/3, flat(t, out[0])[0], 1e-5)
	// d/de of t/T (e - sg(e'))^2 / (2 pixels, 3 samples); the other side moves a quarter as
	// much the other way; a dropped label moves nothing.
	mine := []float64{0.5 * 2 * 1 / 6, 0.5 * 2 * 2 / 6, 0.8 * 2 * 3 / 6, 0, 0, 0}
	require.InDeltaSlice(t, mine, widen(flat(t, out[1])), 1e-6)
	for i, g := range flat(t, out[2]) {
		require.InDelta(t, -mine[i]/4, g, 1e-6)
	}
}
