package nets

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// dit is a small diffusion transformer with adaLN-Zero blocks (arXiv 2212.09748):
// patches of side P become n = (S/P)^2 tokens of width W; time and label set
// each block's shifts, scales and gates, and the gates begin at zero. h is the
// token map after block N/4, counted from 1 and at least 1 (method notes: "the
// block at depth N/4").
type dit struct{ Config }

// Forward implements Net.
func (n dit) Forward(scope *model.Scope, x, t, label *Node) (eps, h *Node) {
	b, p, w := x.Shape().Dim(0), n.Model.Patch, n.Model.Width
	side := n.Size / p
	x.AssertDims(b, n.Size, n.Size, 1)
	scope = scope.At(ArchDiT)
	emb := silu(n.condition(scope.In("condition"), t, label, w))

	patches := TransposeAllAxes(Reshape(x, b, side, p, side, p), 0, 1, 3, 2, 4)
	y := n.linear(scope.In("patch"), Reshape(patches, b, side*side, p*p), w, lecun(p*p))
	y = Add(y, Const(x.Graph(), [][][]float32{positions(side, w)}))

	latent := max(1, n.Model.Depth/4)
	for block := range n.Model.Depth {
		y = n.block(scope.In("block%d", block), y, emb)
		if block+1 == latent {
			h = Reshape(y, b, -1)
		}
	}

	mod := n.modulation(scope.In("final_modulation"), emb, 2)
	y = modulate(layerNorm(y), mod[0], mod[1])
	y = n.linear(scope.In("final"), y, p*p, zeros)
	y = TransposeAllAxes(Reshape(y, b, side, side, p, p), 0, 1, 3, 2, 4)
	return Reshape(y, b, n.Size, n.Size, 1), h
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
