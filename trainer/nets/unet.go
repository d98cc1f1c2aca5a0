package nets

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// unet is a small U-Net: three levels of side S, S/2, S/4 with W, 2W, 2W
// channels and N residual blocks each way, attention between the two blocks of
// the bottleneck. h is the bottleneck's output, before the way up
// (arXiv 2507.09052, as in the authors' released code). Scaled down from
// arXiv 2006.11239: GroupNorm, SiLU, time and label added to one embedding that
// scales and shifts inside each block.
type unet struct{ Config }

// unetLevels multiplies the width, level by level.
var unetLevels = [...]int{1, 2, 2}

// Forward implements Net.
func (n unet) Forward(scope *model.Scope, x, t, label *Node) (eps, h *Node) {
	b := x.Shape().Dim(0)
	x.AssertDims(b, n.Size, n.Size, 1)
	scope = scope.At(ArchUNet)
	emb := silu(n.condition(scope.In("condition"), t, label, 4*n.Model.Width))

	y := n.conv(scope.In("stem"), x, n.Model.Width, lecun(9))
	var skips []*Node
	for level, mult := range unetLevels {
		if level > 0 {
			y = halve(y)
		}
		for block := range n.Model.Depth {
			y = n.block(scope.In("down%d_%d", level, block), y, emb, mult*n.Model.Width)
			skips = append(skips, y)
		}
	}

	channels := y.Shape().Dim(3)
	y = n.block(scope.In("middle0"), y, emb, channels)
	y = n.attend(scope.In("attention"), y)
	y = n.block(scope.In("middle1"), y, emb, channels)
	h = Reshape(y, b, -1)

	for level := len(unetLevels) - 1; level >= 0; level-- {
		for block := range n.Model.Depth {
			last := len(skips) - 1
			y = Concatenate([]*Node{y, skips[last]}, -1)
			skips = skips[:last]
			y = n.block(scope.In("up%d_%d", level, block), y, emb, unetLevels[level]*n.Model.Width)
		}
		if level > 0 {
			y = double(y)
		}
	}
	y = silu(n.groupNorm(scope.In("norm"), y))
	eps = n.conv(scope.In("head"), y, 1, zeros)
	eps.AssertDims(b, n.Size, n.Size, 1)
	return eps, h
}

// block is two convolutions around a shortcut. The second begins at zero, so a
// new block is its shortcut.
func (n unet) block(scope *model.Scope, x, emb *Node, channels int) *Node {
	b, in := x.Shape().Dim(0), x.Shape().Dim(3)
	y := silu(n.groupNorm(scope.In("norm0"), x))
	y = n.conv(scope.In("conv0"), y, channels, lecun(9*in))

	film := n.linear(scope.In("embed"), emb, 2*channels, lecun(emb.Shape().Dim(1)))
	scale := Reshape(Slice(film, AxisRange(), AxisRange(0, channels)), b, 1, 1, channels)
	shift := Reshape(Slice(film, AxisRange(), AxisRange(channels, 2*channels)), b, 1, 1, channels)
	y = Add(Mul(n.groupNorm(scope.In("norm1"), y), OnePlus(scale)), shift)
	y = n.conv(scope.In("conv1"), silu(y), channels, zeros)

	if in != channels {
		x = n.linear(scope.In("shortcut"), x, channels, lecun(in))
	}
	return Add(x, y)
}

// attend is one-head attention over the positions of x, around a shortcut.
func (n unet) attend(scope *model.Scope, x *Node) *Node {
	dims := x.Shape().Dimensions
	y := n.groupNorm(scope.In("norm"), x)
	y = n.attention(scope, Reshape(y, dims[0], dims[1]*dims[2], dims[3]), 1, zeros)
	return Add(x, Reshape(y, dims...))
}
