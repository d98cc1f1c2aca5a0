package features

import (
	"fmt"
	"math"
	"math/rand/v2"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
)

// Dims is the number of features of an image.
const Dims = sweep.FeatureDims

// channels of the three convolutions.
var channels = [...]int{24, 48, 64}

// root is the scope of the classifier's variables.
const root = "/classifier"

// weight is one variable.
type weight struct {
	name string
	dims []int
}

// weights lists every variable. They are the same for all sizes.
func weights(inputs, classes int) []weight {
	var all []weight
	in := inputs
	for i, out := range channels {
		all = append(all,
			weight{fmt.Sprintf("conv%d.kernel", i), []int{3, 3, in, out}},
			weight{fmt.Sprintf("conv%d.bias", i), []int{1, 1, 1, out}})
		in = out
	}
	return append(all,
		weight{"features.weight", []int{4 * 4 * in, Dims}}, weight{"features.bias", []int{1, Dims}},
		weight{"logits.weight", []int{Dims, classes}}, weight{"logits.bias", []int{1, classes}})
}

// initial draws normal weights of variance 2 / fan-in (arXiv 1502.01852), and
// zeros for biases.
func (w weight) initial(r *rand.Rand) *tensors.Tensor {
	fanIn := 1
	for _, d := range w.dims[:len(w.dims)-1] {
		fanIn *= d
	}
	flat := make([]float32, fanIn*w.dims[len(w.dims)-1])
	if fanIn > 1 {
		for i := range flat {
			flat[i] = float32(math.Sqrt(2/float64(fanIn)) * r.NormFloat64())
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, w.dims...)
}

// net builds the classifier's graph.
type net struct {
	store  *model.Store
	native bool // the backend's own convolution is worth calling
}

// forward maps x `[B,S,S,I]` to z `[B,64]` and logits `[B,C]`: three 3x3
// convolutions with ReLU, each followed by a 2x2 mean while the side is over 4, and
// further means until it is 4, then two linear layers with a ReLU between them. 28
// pixels are padded with background to 32. ReLU, since exponentials took 80 % of the time with SiLU on
// backend go.
func (n net) forward(x *Node) (z, logits *Node) {
	b, side := x.Shape().Dim(0), x.Shape().Dim(1)
	x.AssertDims(b, side, side, x.Shape().Dim(3))
	g := x.Graph()
	halve := func(x *Node) *Node {
		side /= 2
		return ReduceMean(Reshape(x, b, side, 2, side, 2, x.Shape().Dim(3)), 2, 4)
	}
	if side == 28 {
		x, side = pad(x, 2, -1), 32
	}
	for i := range channels {
		x = relu(n.conv(x, fmt.Sprintf("conv%d", i)))
		if side > 4 {
			x = halve(x)
		}
	}
	for side > 4 {
		x = halve(x)
	}
	x.AssertDims(b, 4, 4, channels[len(channels)-1])
	z = n.linear(g, Reshape(x, b, -1), "features")
	return z, n.linear(g, relu(z), "logits")
}

func (n net) variable(g *Graph, name string) *Node {
	return n.store.GetVariable(root + "/" + name).NodeValue(g)
}

func (n net) linear(g *Graph, x *Node, name string) *Node {
	y := DotProduct(x, n.variable(g, name+".weight"))
	return Add(y, BroadcastToShape(n.variable(g, name+".bias"), y.Shape()))
}

// conv is a 3x3 convolution with zero padding. Without a usable convolution of
// the backend's own it is one matrix product with the nine neighbours of each pixel
// side by side.
func (n net) conv(x *Node, name string) *Node {
	kernel := n.variable(x.Graph(), name+".kernel")
	bias := n.variable(x.Graph(), name+".bias")
	if n.native {
		return Add(Convolve(x, kernel).PadSame().Done(), bias)
	}
	b, side, in, out := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3), kernel.Shape().Dim(3)
	padded := pad(x, 1, 0)
	taps := make([]*Node, 0, 9)
	for dy := range 3 {
		for dx := range 3 {
			taps = append(taps, Slice(padded, AxisRange(), AxisRange(dy, dy+side), AxisRange(dx, dx+side)))
		}
	}
	y := DotProduct(Reshape(Concatenate(taps, -1), -1, 9*in), Reshape(kernel, 9*in, out))
	return Add(Reshape(y, b, side, side, out), bias)
}

// pad puts a frame of n pixels of value around x `[B,S,S,C]`, by concatenation,
// since Pad has no gradient.
func pad(x *Node, n int, value float64) *Node {
	b, side, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	frame := func(dims ...int) *Node {
		return BroadcastToDims(ConstAsDType(x.Graph(), x.DType(), value), dims...)
	}
	row := frame(b, n, side, c)
	x = Concatenate([]*Node{row, x, row}, 1)
	column := frame(b, side+2*n, n, c)
	return Concatenate([]*Node{column, x, column}, 2)
}

func relu(x *Node) *Node { return Max(x, ZerosLike(x)) }
