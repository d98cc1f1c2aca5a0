package nets

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// conv is a 3x3 convolution with stride 1 and zero padding: x `[B,H,W,I]` ->
// `[B,H,W,outputs]`.
func (cfg Config) conv(scope *model.Scope, x *Node, outputs int, begin initial) *Node {
	kernel := cfg.variable(scope, x, "kernel", begin, 3, 3, x.Shape().Dim(3), outputs)
	bias := cfg.variable(scope, x, "bias", zeros, 1, 1, 1, outputs)
	convolution := shiftedConv
	if cfg.NativeConvolution {
		convolution = nativeConv
	}
	return Add(cfg.inPrecision(x, kernel, convolution), bias)
}

// nativeConv is the backend's.
func nativeConv(x, kernel *Node) *Node { return Convolve(x, kernel).PadSame().Done() }

// shiftedConv is the same convolution as a sum of nine matrix products, one a
// tap, of x shifted by it. Padding is by concatenation, since Pad has no gradient.
func shiftedConv(x, kernel *Node) *Node {
	g, dtype := x.Graph(), x.DType()
	b, height, width, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	out := kernel.Shape().Dim(3)
	zero := func(dims ...int) *Node { return BroadcastToDims(ScalarZero(g, dtype), dims...) }

	row := zero(b, 1, width, in)
	padded := Concatenate([]*Node{row, x, row}, 1)
	column := zero(b, height+2, 1, in)
	padded = Concatenate([]*Node{column, padded, column}, 2)

	var sum *Node
	for dy := range 3 {
		for dx := range 3 {
			shifted := Slice(padded, AxisRange(), AxisRange(dy, dy+height), AxisRange(dx, dx+width))
			tap := Reshape(Slice(kernel, AxisRange(dy, dy+1), AxisRange(dx, dx+1)), in, out)
			y := dot(Reshape(shifted, -1, in), tap).Product()
			if sum == nil {
				sum = y
			} else {
				sum = Add(sum, y)
			}
		}
	}
	return Reshape(sum, b, height, width, out)
}

// halve averages 2x2 pixels: `[B,H,W,C]` -> `[B,H/2,W/2,C]`.
func halve(x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	return ReduceMean(Reshape(x, b, h/2, 2, w/2, 2, c), 2, 4)
}

// double repeats each pixel 2x2: `[B,H,W,C]` -> `[B,2H,2W,C]`.
func double(x *Node) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = BroadcastToDims(Reshape(x, b, h, 1, w, 1, c), b, h, 2, w, 2, c)
	return Reshape(x, b, 2*h, 2*w, c)
}
