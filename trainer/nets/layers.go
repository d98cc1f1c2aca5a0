package nets

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gomlx/compute/dtypes"
)

// linear is x W + b over the last axis of x `[...,I]` -> `[...,outputs]`.
func (cfg Config) linear(scope *model.Scope, x *Node, outputs int, begin initial) *Node {
	inputs := x.Shape().Dim(-1)
	dims := append([]int{}, x.Shape().Dimensions...)
	dims[len(dims)-1] = outputs
	w := cfg.variable(scope, x, "weight", begin, inputs, outputs)
	b := cfg.variable(scope, x, "bias", zeros, 1, outputs)
	y := cfg.inPrecision(Reshape(x, -1, inputs), w, func(x, w *Node) *Node { return dot(x, w).Product() })
	return Reshape(Add(y, BroadcastToShape(b, y.Shape())), dims...)
}

// inPrecision computes a product of two float32 nodes in the precision of the net and
// returns float32. The gradient is computed in the same precision.
func (cfg Config) inPrecision(a, b *Node, product func(a, b *Node) *Node) *Node {
	if !cfg.BFloat16 {
		return product(a, b)
	}
	half := func(x *Node) *Node { return ConvertDType(x, dtypes.BFloat16) }
	return ConvertDType(product(half(a), half(b)), dtypes.Float32)
}

// dot builds a product and leaves the precision of its sums to the backend: XLA on CPUs
// and GPUs sums bfloat16 in float32. If the graph asked for float32 sums, GoMLX would
// compute the whole gradient in float32, where most of the time is spent.
func dot(a, b *Node) *DotBuilder { return Dot(a, b).WithAccumulatorDType(dtypes.InvalidDType) }

// Project is a learnt linear map of x `[B,I]` to `[B,outputs]`, for a loss term with
// weights of its own. Its variables are in scope, with initial values of seed.
func Project(scope *model.Scope, x *Node, outputs int, seed int64) *Node {
	return Config{Seed: seed}.linear(scope, x, outputs, lecun(x.Shape().Dim(-1)))
}

// silu is x * sigmoid(x).
func silu(x *Node) *Node { return Mul(x, Logistic(x)) }

// groupNorm normalises x `[B,H,W,C]` over the positions and the channels of a
// group, then scales and shifts by channel. Means and centred squares are taken a
// channel at a time and pooled: one pass less over x than a reshape into groups.
func (cfg Config) groupNorm(scope *model.Scope, x *Node) *Node {
	b, height, width, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	groups := groupsOf(c)
	gamma := cfg.variable(scope, x, "scale", ones, 1, 1, c)
	beta := cfg.variable(scope, x, "shift", zeros, 1, 1, c)

	flat := Reshape(x, b, height*width, c)
	pool := func(byChannel *Node) *Node { // `[B,C]` -> group means `[B,1,C]`
		m := ReduceMean(Reshape(byChannel, b, groups, c/groups), -1)
		return Reshape(BroadcastToDims(Reshape(m, b, groups, 1), b, groups, c/groups), b, 1, c)
	}
	centred := Sub(flat, pool(ReduceMean(flat, 1)))
	variance := pool(ReduceMean(Square(centred), 1))
	scale := Div(BroadcastToShape(gamma, variance.Shape()), Sqrt(AddScalar(variance, 1e-5)))
	return Reshape(Add(Mul(centred, scale), beta), b, height, width, c)
}

// groupsOf is the largest number of groups up to 8 that divides c and leaves at
// least 4 channels in each, else 1.
func groupsOf(c int) int {
	for g := 8; g > 1; g-- {
		if c%g == 0 && c/g >= 4 {
			return g
		}
	}
	return 1
}

// layerNorm normalises the last axis of x `[B,n,W]`, without scale or shift.
func layerNorm(x *Node) *Node {
	centred := Sub(x, ReduceAndKeep(x, ReduceMean, -1))
	variance := ReduceAndKeep(Square(centred), ReduceMean, -1)
	return Div(centred, Sqrt(AddScalar(variance, 1e-6)))
}

// timeEmbedding is sin and cos of t at dim/2 frequencies from 1 down to 1/10000,
// geometrically spaced. t `[B]` -> `[B,dim]`.
func timeEmbedding(t *Node, dim int) *Node {
	g, half := t.Graph(), dim/2
	freqs := make([]float32, half)
	for i := range freqs {
		freqs[i] = float32(math.Exp(-math.Log(10000) * float64(i) / float64(half)))
	}
	angles := Mul(
		Reshape(ConvertDType(t, dtypes.Float32), -1, 1),
		Reshape(Const(g, freqs), 1, half))
	return Concatenate([]*Node{Cos(angles), Sin(angles)}, -1)
}

// condition embeds time and label together, `[B,dim]`.
func (cfg Config) condition(scope *model.Scope, t, label *Node, dim int) *Node {
	emb := cfg.linear(scope.In("time0"), timeEmbedding(t, dim), dim, lecun(dim))
	emb = cfg.linear(scope.In("time1"), silu(emb), dim, lecun(dim))
	table := cfg.variable(scope.In("label"), t, "table", initial{std: 0.5}, cfg.Classes+1, dim)
	return Add(emb, DotProduct(OneHot(label, cfg.Classes+1, dtypes.Float32), table))
}

// attention is softmax(q k^T / sqrt(d)) v over n tokens with the given heads.
// x `[B,n,W]` -> `[B,n,W]`; out is how the output projection begins.
func (cfg Config) attention(scope *model.Scope, x *Node, heads int, out initial) *Node {
	b, n, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	d := w / heads
	qkv := cfg.linear(scope.In("qkv"), x, 3*w, lecun(w))
	qkv = TransposeAllAxes(Reshape(qkv, b, n, 3, heads, d), 2, 0, 3, 1, 4) // `[3,B,heads,n,d]`
	part := func(i int) *Node {
		return Reshape(Slice(qkv, AxisRange(i, i+1)), b, heads, n, d)
	}
	scores := cfg.inPrecision(part(0), part(1), func(q, k *Node) *Node { return dot(q, k).Einsum("bhnd,bhmd->bhnm") })
	weights := Softmax(MulScalar(scores, 1/math.Sqrt(float64(d))), -1)
	y := cfg.inPrecision(weights, part(2), func(weights, v *Node) *Node { return dot(weights, v).Einsum("bhnm,bhmd->bhnd") })
	y = Reshape(TransposeAllAxes(y, 0, 2, 1, 3), b, n, w)
	return cfg.linear(scope.In("out"), y, w, out)
}
