package nets

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Masks draws the dropout of a training graph. Its random numbers are a function of
// the state that it was made from, an input of the graph, so nothing random is kept
// from step to step; they differ between backends. Every mask of a graph is another.
type Masks struct{ state *Node }

// NewMasks draws from state, of shape MaskState.
func NewMasks(state *Node) *Masks { return &Masks{state} }

// MaskState is the shape of the state, three uint64.
var MaskState = RNGStateShape

// dropout sets each value of x to 0 with probability p, and scales the others by
// 1/(1-p). Without masks, outside training, it is x.
func (m *Masks) dropout(x *Node, p float64) *Node {
	if m == nil || p == 0 {
		return x
	}
	var u *Node
	m.state, u = RandomUniform(m.state, shapes.Make(dtypes.Float32, x.Shape().Dimensions...))
	kept := ConvertDType(GreaterOrEqual(u, ConstAs(u, p)), x.DType())
	return Mul(x, MulScalar(kept, 1/(1-p)))
}
