package features

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// inceptionDims is the length of Inception-v3's pooled features.
const inceptionDims = 2048

// inceptionSize is the side that images are scaled to.
const inceptionSize = 299

// inceptionFirst is a tensor that only a file of Inception-v3 has.
const inceptionFirst = "Conv2d_1a_3x3.conv.weight"

// epsilon is that of the batch normalisations, also of EfficientNet.
const epsilon = 1e-3

// inception builds the graph of Inception-v3 (arXiv 1512.00567) that FID uses: the network of pytorch-fid 0.3.0, whose average pools leave out the padding and
// whose last block has a max pool. GoMLX v0.28.2 has no such model in its module.
type inception struct{ store *model.Store }

// loadInception makes the variables: a kernel `[H,W,I,O]` and a bias `[O]` for
// each convolution, with the batch normalisation of inference multiplied into
// them. Tensors that it does not need (fc, AuxLogits) may be there.
func (e *Extractor) loadInception(byName map[string]checkpoint.Tensor) error {
	for _, c := range inceptionLayers() {
		if err := e.convolution(byName, c, c.weights()); err != nil {
			return err
		}
	}
	return nil
}

// convolution makes the variables of one layer: its folded kernel and bias.
func (e *Extractor) convolution(byName map[string]checkpoint.Tensor, c layer, tensors []weight) error {
	kernel, bias, err := c.fold(byName, tensors)
	if err != nil {
		return err
	}
	if err := e.variable(c.name+".kernel", kernel, c.height, c.width, c.in, c.out); err != nil {
		return err
	}
	return e.variable(c.name+".bias", bias, 1, 1, 1, c.out)
}

// weights lists the tensors of one layer.
func (c layer) weights() []weight { return c.tensors(c.name+".conv", c.name+".bn") }

// tensors lists the tensors of one layer by the names of its convolution and of its batch
// normalisation. torch has kernels as `[O,I,H,W]`.
func (c layer) tensors(convolution, normalisation string) []weight {
	all := []weight{{convolution + ".weight", []int{c.out, c.in, c.height, c.width}}}
	for _, part := range []string{".weight", ".bias", ".running_mean", ".running_var"} {
		all = append(all, weight{normalisation + part, []int{c.out}})
	}
	return all
}

// fold multiplies the batch normalisation of inference into the kernel `[H,W,I,O]` and the
// bias `[O]` of one layer, whose tensors are there.
func (c layer) fold(byName map[string]checkpoint.Tensor, names []weight) (kernel, bias []float32, err error) {
	var parts [5][]float32
	for i, w := range names {
		if parts[i], err = byName[w.name].Float32(); err != nil {
			return nil, nil, err
		}
	}
	w, gain, shift, mean, variance := parts[0], parts[1], parts[2], parts[3], parts[4]
	kernel, bias = make([]float32, len(w)), make([]float32, c.out)
	area := c.height * c.width
	for o := range c.out {
		scale := float64(gain[o]) / math.Sqrt(float64(variance[o])+epsilon)
		bias[o] = float32(float64(shift[o]) - scale*float64(mean[o]))
		for i := range c.in {
			for a := range area {
				kernel[(a*c.in+i)*c.out+o] = float32(scale * float64(w[(o*c.in+i)*area+a]))
			}
		}
	}
	return kernel, bias, nil
}

// forward maps x `[B,S,S,3]` in [-1, 1] to features `[B,2048]`.
func (n inception) forward(x *Node) []*Node {
	if x.Shape().Dim(1) != inceptionSize {
		x = Interpolate(x, x.Shape().Dim(0), inceptionSize, inceptionSize, 3).Bilinear().AlignCorner(false).HalfPixelCenters(true).Done()
	}
	x = n.conv(x, "Conv2d_1a_3x3", 2, 0, 0)
	x = n.conv(x, "Conv2d_2a_3x3", 1, 0, 0)
	x = n.conv(x, "Conv2d_2b_3x3", 1, 1, 1)
	x = shrink(x)
	x = n.conv(x, "Conv2d_3b_1x1", 1, 0, 0)
	x = n.conv(x, "Conv2d_4a_3x3", 1, 0, 0)
	x = shrink(x)
	for _, name := range []string{"Mixed_5b", "Mixed_5c", "Mixed_5d"} {
		x = n.blockA(x, name)
	}
	x = Concatenate([]*Node{
		n.conv(x, "Mixed_6a.branch3x3", 2, 0, 0),
		n.chain(x, "Mixed_6a.branch3x3dbl_", step{1, 0, 0}, step{1, 1, 1}, step{2, 0, 0}),
		shrink(x),
	}, -1)
	for _, name := range []string{"Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"} {
		x = n.blockC(x, name)
	}
	x = Concatenate([]*Node{
		n.chain(x, "Mixed_7a.branch3x3_", step{1, 0, 0}, step{2, 0, 0}),
		n.chain(x, "Mixed_7a.branch7x7x3_", step{1, 0, 0}, step{1, 0, 3}, step{1, 3, 0}, step{2, 0, 0}),
		shrink(x),
	}, -1)
	x = n.blockE(x, "Mixed_7b", average)
	x = n.blockE(x, "Mixed_7c", func(x *Node) *Node { return MaxPool(x).Window(3).Strides(1).PadSame().Done() })
	return []*Node{ReduceMean(x, 1, 2)}
}

func (n inception) blockA(x *Node, name string) *Node {
	return Concatenate([]*Node{
		n.conv(x, name+".branch1x1", 1, 0, 0),
		n.chain(x, name+".branch5x5_", step{1, 0, 0}, step{1, 2, 2}),
		n.chain(x, name+".branch3x3dbl_", step{1, 0, 0}, step{1, 1, 1}, step{1, 1, 1}),
		n.conv(average(x), name+".branch_pool", 1, 0, 0),
	}, -1)
}

func (n inception) blockC(x *Node, name string) *Node {
	return Concatenate([]*Node{
		n.conv(x, name+".branch1x1", 1, 0, 0),
		n.chain(x, name+".branch7x7_", step{1, 0, 0}, step{1, 0, 3}, step{1, 3, 0}),
		n.chain(x, name+".branch7x7dbl_", step{1, 0, 0}, step{1, 3, 0}, step{1, 0, 3}, step{1, 3, 0}, step{1, 0, 3}),
		n.conv(average(x), name+".branch_pool", 1, 0, 0),
	}, -1)
}

func (n inception) blockE(x *Node, name string, pool func(*Node) *Node) *Node {
	split := func(x *Node, name string) *Node {
		return Concatenate([]*Node{n.conv(x, name+"a", 1, 0, 1), n.conv(x, name+"b", 1, 1, 0)}, -1)
	}
	return Concatenate([]*Node{
		n.conv(x, name+".branch1x1", 1, 0, 0),
		split(n.conv(x, name+".branch3x3_1", 1, 0, 0), name+".branch3x3_2"),
		split(n.chain(x, name+".branch3x3dbl_", step{1, 0, 0}, step{1, 1, 1}), name+".branch3x3dbl_3"),
		n.conv(pool(x), name+".branch_pool", 1, 0, 0),
	}, -1)
}

// step is a convolution's stride and its padding down and across.
type step struct{ stride, down, across int }

// chain runs the convolutions prefix1, prefix2, ...
func (n inception) chain(x *Node, prefix string, steps ...step) *Node {
	for i, s := range steps {
		x = n.conv(x, fmt.Sprint(prefix, i+1), s.stride, s.down, s.across)
	}
	return x
}

// conv is a convolution, its normalisation and a ReLU.
func (n inception) conv(x *Node, name string, stride, down, across int) *Node {
	variable := func(part string) *Node { return n.store.GetVariable(root + "/" + name + part).NodeValue(x.Graph()) }
	y := Convolve(x, variable(".kernel")).Strides(stride).PaddingPerDim([][2]int{{down, down}, {across, across}}).Done()
	return relu(Add(y, variable(".bias")))
}

// shrink is a 3x3 maximum with stride 2.
func shrink(x *Node) *Node { return MaxPool(x).Window(3).Strides(2).NoPadding().Done() }

// average is the 3x3 mean of what is inside the image. The pixels inside are counted
// for one image and channel: XLA counts while it compiles, and slowly.
func average(x *Node) *Node {
	sum := func(x *Node) *Node { return SumPool(x).Window(3).Strides(1).PadSame().Done() }
	one := Ones(x.Graph(), shapes.Make(x.DType(), 1, x.Shape().Dim(1), x.Shape().Dim(2), 1))
	return Div(sum(x), sum(one))
}

// layer is one convolution.
type layer struct {
	name                   string
	height, width, in, out int
}

// inceptionLayers lists the convolutions that the features need.
func inceptionLayers() []layer {
	all := []layer{
		{"Conv2d_1a_3x3", 3, 3, 3, 32}, {"Conv2d_2a_3x3", 3, 3, 32, 32}, {"Conv2d_2b_3x3", 3, 3, 32, 64},
		{"Conv2d_3b_1x1", 1, 1, 64, 80}, {"Conv2d_4a_3x3", 3, 3, 80, 192},
		{"Mixed_6a.branch3x3", 3, 3, 288, 384},
		{"Mixed_6a.branch3x3dbl_1", 1, 1, 288, 64}, {"Mixed_6a.branch3x3dbl_2", 3, 3, 64, 96}, {"Mixed_6a.branch3x3dbl_3", 3, 3, 96, 96},
		{"Mixed_7a.branch3x3_1", 1, 1, 768, 192}, {"Mixed_7a.branch3x3_2", 3, 3, 192, 320},
		{"Mixed_7a.branch7x7x3_1", 1, 1, 768, 192}, {"Mixed_7a.branch7x7x3_2", 1, 7, 192, 192},
		{"Mixed_7a.branch7x7x3_3", 7, 1, 192, 192}, {"Mixed_7a.branch7x7x3_4", 3, 3, 192, 192},
	}
	for _, b := range []struct {
		name     string
		in, pool int
	}{{"Mixed_5b", 192, 32}, {"Mixed_5c", 256, 64}, {"Mixed_5d", 288, 64}} {
		all = append(all,
			layer{b.name + ".branch1x1", 1, 1, b.in, 64},
			layer{b.name + ".branch5x5_1", 1, 1, b.in, 48}, layer{b.name + ".branch5x5_2", 5, 5, 48, 64},
			layer{b.name + ".branch3x3dbl_1", 1, 1, b.in, 64}, layer{b.name + ".branch3x3dbl_2", 3, 3, 64, 96}, layer{b.name + ".branch3x3dbl_3", 3, 3, 96, 96},
			layer{b.name + ".branch_pool", 1, 1, b.in, b.pool})
	}
	for _, b := range []struct {
		name string
		c    int
	}{{"Mixed_6b", 128}, {"Mixed_6c", 160}, {"Mixed_6d", 160}, {"Mixed_6e", 192}} {
		all = append(all,
			layer{b.name + ".branch1x1", 1, 1, 768, 192},
			layer{b.name + ".branch7x7_1", 1, 1, 768, b.c}, layer{b.name + ".branch7x7_2", 1, 7, b.c, b.c}, layer{b.name + ".branch7x7_3", 7, 1, b.c, 192},
			layer{b.name + ".branch7x7dbl_1", 1, 1, 768, b.c}, layer{b.name + ".branch7x7dbl_2", 7, 1, b.c, b.c}, layer{b.name + ".branch7x7dbl_3", 1, 7, b.c, b.c},
			layer{b.name + ".branch7x7dbl_4", 7, 1, b.c, b.c}, layer{b.name + ".branch7x7dbl_5", 1, 7, b.c, 192},
			layer{b.name + ".branch_pool", 1, 1, 768, 192})
	}
	for _, b := range []struct {
		name string
		in   int
	}{{"Mixed_7b", 1280}, {"Mixed_7c", 2048}} {
		all = append(all,
			layer{b.name + ".branch1x1", 1, 1, b.in, 320},
			layer{b.name + ".branch3x3_1", 1, 1, b.in, 384}, layer{b.name + ".branch3x3_2a", 1, 3, 384, 384}, layer{b.name + ".branch3x3_2b", 3, 1, 384, 384},
			layer{b.name + ".branch3x3dbl_1", 1, 1, b.in, 448}, layer{b.name + ".branch3x3dbl_2", 3, 3, 448, 384},
			layer{b.name + ".branch3x3dbl_3a", 1, 3, 384, 384}, layer{b.name + ".branch3x3dbl_3b", 3, 1, 384, 384},
			layer{b.name + ".branch_pool", 1, 1, b.in, 192})
	}
	return all
}
