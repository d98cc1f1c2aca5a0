package nets

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
)

// unet is a U-Net in the manner of arXiv 2006.11239: levels of side S, S/2, S/4, ...
// with model.mult times W channels and N residual blocks each way, attention after
// the blocks of model.attention's levels and between the two blocks of the
// bottleneck. Time and label are added to one embedding that scales and shifts
// inside each block.
//
// Its latents are bottleneck, the output of the bottleneck's two blocks before the way
// up (arXiv 2507.09052, as in the authors' released code), and down0, down1, ..., up0,
// ..., the output of a level's last block on that way, attention included.
//
// It differs from the released U-Net in that sides are halved by averaging and doubled
// by repetition, without a convolution, the way up has N blocks a level with one skip
// each and not N+1, and the embedding scales besides shifting.
type unet struct{ Config }

func newUNet(cfg Config) (Net, error) {
	levels := cfg.Model.Mult
	if len(levels) < 1 || len(levels) > maxLevels || slices.Min(levels) < 1 || slices.Max(levels) > maxMult {
		return nil, fmt.Errorf("model.mult = %v must be 1 to %d numbers of 1 to %d", levels, maxLevels, maxMult)
	}
	for _, level := range cfg.Model.Attention {
		if level < 0 || level >= len(levels) {
			return nil, fmt.Errorf("model.attention = %v has %d, which is not a level of %d", cfg.Model.Attention, level, len(levels))
		}
	}
	if p := cfg.Model.Dropout; !(p >= 0 && p < 1) {
		return nil, fmt.Errorf("model.dropout = %v must be in [0, 1)", p)
	}
	if shrink := 1 << (len(levels) - 1); cfg.Size < shrink || cfg.Size%shrink != 0 {
		return nil, fmt.Errorf("model.mult = %v halves the image %d times: dataset.size = %d is not a multiple of %d", levels, len(levels)-1, cfg.Size, shrink)
	}
	return unet{cfg}, nil
}

// Forward implements Net.
func (n unet) Forward(scope *model.Scope, in Input) Output {
	b, levels := in.X.Shape().Dim(0), n.Model.Mult
	in.X.AssertDims(b, n.Size, n.Size, n.Channels)
	scope = scope.At(sweep.ArchUNet)
	emb := silu(n.condition(scope.In("condition"), in.T, in.Label, 4*n.Model.Width))
	out := NewOutput(nil, nil)

	y := n.conv(scope.In("stem"), in.X, n.Model.Width, lecun(9*n.Channels))
	var skips []*Node
	for level := range levels {
		if level > 0 {
			y = halve(y)
		}
		for block := range n.Model.Depth {
			y = n.levelBlock(scope, fmt.Sprintf("down%d_%d", level, block), y, emb, in.Masks, level)
			skips = append(skips, y)
		}
		out.keep(fmt.Sprintf("down%d", level), y)
	}

	channels := y.Shape().Dim(3)
	y = n.block(scope.In("middle0"), y, emb, in.Masks, channels)
	y = n.attend(scope.In("attention"), y)
	y = n.block(scope.In("middle1"), y, emb, in.Masks, channels)
	out.keep(sweep.LayerBottleneck, y)

	for level := len(levels) - 1; level >= 0; level-- {
		for block := range n.Model.Depth {
			last := len(skips) - 1
			y = Concatenate([]*Node{y, skips[last]}, -1)
			skips = skips[:last]
			y = n.levelBlock(scope, fmt.Sprintf("up%d_%d", level, block), y, emb, in.Masks, level)
		}
		out.keep(fmt.Sprintf("up%d", level), y)
		if level > 0 {
			y = double(y)
		}
	}
	y = silu(n.groupNorm(scope.In("norm"), y))
	out.Prediction = n.conv(scope.In("head"), y, n.Channels, zeros)
	out.Prediction.AssertDims(b, n.Size, n.Size, n.Channels)
	return out
}

// levelBlock is a residual block of a level, with attention where the level has it.
func (n unet) levelBlock(scope *model.Scope, name string, x, emb *Node, masks *Masks, level int) *Node {
	y := n.block(scope.In("%s", name), x, emb, masks, n.Model.Mult[level]*n.Model.Width)
	if slices.Contains(n.Model.Attention, level) {
		y = n.attend(scope.In("%s_attention", name), y)
	}
	return y
}

// block is two convolutions around a shortcut, with dropout before the second, which
// begins at zero: a new block is its shortcut.
func (n unet) block(scope *model.Scope, x, emb *Node, masks *Masks, channels int) *Node {
	b, in := x.Shape().Dim(0), x.Shape().Dim(3)
	y := silu(n.groupNorm(scope.In("norm0"), x))
	y = n.conv(scope.In("conv0"), y, channels, lecun(9*in))

	film := n.linear(scope.In("embed"), emb, 2*channels, lecun(emb.Shape().Dim(1)))
	scale := Reshape(Slice(film, AxisRange(), AxisRange(0, channels)), b, 1, 1, channels)
	shift := Reshape(Slice(film, AxisRange(), AxisRange(channels, 2*channels)), b, 1, 1, channels)
	y = Add(Mul(n.groupNorm(scope.In("norm1"), y), OnePlus(scale)), shift)
	y = n.conv(scope.In("conv1"), masks.dropout(silu(y), n.Model.Dropout), channels, zeros)

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
