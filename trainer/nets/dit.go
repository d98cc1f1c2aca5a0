package nets

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
)

// dit is a small diffusion transformer with adaLN-Zero blocks (arXiv 2212.09748):
// patches of side P become n = (S/P)^2 tokens of width W; time and label set
// each block's shifts, scales and gates, and the gates begin at zero. Its latents are
// token maps: quarter, after block N/4, counted from 1 and at least 1 (as in the released
// code of arXiv 2507.09052), and last, after the last block. Unlike the paper's
// its MLP is SiLU and its net predicts no variance.
type dit struct{ Config }

// Forward implements Net.
func (n dit) Forward(scope *model.Scope, in Input) Output {
	b, p, w, k := in.X.Shape().Dim(0), n.Model.Patch, n.Model.Width, n.Channels
	side := n.Size / p
	in.X.AssertDims(b, n.Size, n.Size, k)
	scope = scope.At(sweep.ArchDiT)
	emb := silu(n.condition(scope.In("condition"), in.T, in.Label, w))

	patches := TransposeAllAxes(Reshape(in.X, b, side, p, side, p*k), 0, 1, 3, 2, 4)
	y := n.linear(scope.In("patch"), Reshape(patches, b, side*side, p*p*k), w, lecun(p*p*k))
	y = Add(y, Const(in.X.Graph(), [][][]float32{positions(side, w)}))

	out := NewOutput(nil, nil)
	for block := range n.Model.Depth {
		y = n.block(scope.In("block%d", block), y, emb)
		if block+1 == max(1, n.Model.Depth/4) {
			out.keep(sweep.LayerQuarter, y)
		}
	}
	out.keep(sweep.LayerLast, y)

	mod := n.modulation(scope.In("final_modulation"), emb, 2)
	y = modulate(layerNorm(y), mod[0], mod[1])
	y = n.linear(scope.In("final"), y, p*p*k, zeros)
	y = TransposeAllAxes(Reshape(y, b, side, side, p, p*k), 0, 1, 3, 2, 4)
	out.Prediction = Reshape(y, b, n.Size, n.Size, k)
	return out
}

// block is attention and an MLP, each with shift, scale and gate from emb.
func (n dit) block(scope *model.Scope, x, emb *Node) *Node {
	w := n.Model.Width
	mod := n.modulation(scope.In("modulation"), emb, 6)
	y := n.attention(scope.In("attention"), modulate(layerNorm(x), mod[0], mod[1]), n.Model.Heads, lecun(w))
	x = Add(x, Mul(mod[2], y))
	y = n.linear(scope.In("mlp0"), modulate(layerNorm(x), mod[3], mod[4]), 4*w, lecun(w))
	y = n.linear(scope.In("mlp1"), silu(y), w, lecun(4*w))
	return Add(x, Mul(mod[5], y))
}

// modulation maps emb to count vectors `[B,1,W]`, all zero at the start.
func (n dit) modulation(scope *model.Scope, emb *Node, count int) []*Node {
	b, w := emb.Shape().Dim(0), n.Model.Width
	all := n.linear(scope, emb, count*w, zeros)
	parts := make([]*Node, count)
	for i := range parts {
		parts[i] = Reshape(Slice(all, AxisRange(), AxisRange(i*w, (i+1)*w)), b, 1, w)
	}
	return parts
}

// modulate is x (1 + scale) + shift.
func modulate(x, shift, scale *Node) *Node { return Add(Mul(x, OnePlus(scale)), shift) }

// positions is the fixed sine-cosine embedding of a side x side grid: the first
// half of a vector is of the row, the second of the column. `[side*side,width]`.
func positions(side, width int) [][]float32 {
	quarter := width / 4
	table := make([][]float32, 0, side*side)
	for row := range side {
		for column := range side {
			v := make([]float32, 0, width)
			for _, at := range []int{row, column} {
				for _, f := range []func(float64) float64{math.Sin, math.Cos} {
					for i := range quarter {
						omega := math.Pow(10000, -float64(i)/float64(quarter))
						v = append(v, float32(f(float64(at)*omega)))
					}
				}
			}
			table = append(table, v)
		}
	}
	return table
}
