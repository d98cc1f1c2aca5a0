package diffusion

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// t2hTerm is T2H (Zhang et al. 2024, "Long-tailed Diffusion Models with Oriented
// Calibration", ICLR, as in the authors' released code): sample i is trained towards an
// image x_z of its batch that could have become the same x_t, if its class is at least as
// frequent; otherwise towards itself.
//
//	sigma_t^2 = 1/abar_t - 1
//	p(z) ∝ exp(-|x_i + sigma_t e_i - x_z|^2 / (2 sigma_t^2))
//	z = the draw where freq(y_z) >= freq(y_i), else i
//	L = mean |prediction - target(x_z, e_z)|^2,  e_z = (x_t - sqrt(abar_t) x_z) / sqrt(1 - abar_t)
//
// It replaces DDPM's target, so the loss is (1-w) L_ddpm + w L_t2h: its gradient is that
// of the mixed target (1-w) e + w e_z, and w = 1 is the published method. The draw is the
// inverse of the cumulative probability at u, one uniform number per sample.
func t2hTerm(p *passes, u *Node) *Node {
	x := transferred(p.batch.X0, p.batch.Eps, p.batch.T, p.batch.Label, u, p.Schedule, p.Counts)
	signal, noise := p.Schedule.rates(p.batch.T)
	eps := Div(Sub(p.xt, Mul(signal, x)), noise)
	target := p.Schedule.target(x, eps, p.batch.T, p.Settings.Prediction)
	return ReduceAllMean(Square(Sub(p.cond.Prediction, target)))
}

// transferDraws draws u for a step, in [0, 1), a `[batch]` []float32.
func transferDraws(seed int64, step, batch int, _ []int) any {
	r := Random(seed, StreamT2H, uint64(step))
	u := make([]float32, batch)
	for i := range u {
		u[i] = r.Float32()
	}
	return u
}

// transferred is x_z for x0 and eps `[B,S,S,K]`, t, label `[B]` int32 and u `[B]`.
func transferred(x0, eps, t, label, u *Node, s *Schedule, counts []int) *Node {
	g, b := x0.Graph(), x0.Shape().Dim(0)
	x, e := Reshape(x0, b, -1), Reshape(eps, b, -1)
	sigma := Reshape(lookup(t, func(t int) float64 { return s.Noise(t) / s.Signal(t) }), b, 1)

	// |x_i + sigma e_i - x_z|^2 = |x_i - x_z|^2 + 2 sigma e_i (x_i - x_z) + what is the
	// same for all z: no difference of large numbers, and exactly 0 at z = i.
	gram, cross := Einsum("id,zd->iz", x, x), Einsum("id,zd->iz", e, x)
	diagonal := ConvertDType(Diagonal(g, b), dtypes.Float32)
	own := func(m *Node) *Node { return ReduceSum(Mul(m, diagonal), -1) } // `[B]`
	apart := Sub(Add(Reshape(own(gram), b, 1), Reshape(own(gram), 1, b)), MulScalar(gram, 2))
	along := Sub(Reshape(own(cross), b, 1), cross)
	logits := Neg(Add(Div(apart, MulScalar(Square(sigma), 2)), Div(along, sigma)))

	below := LessOrEqual(CumSum(Softmax(logits, -1), -1), Reshape(u, b, 1))
	z := MinScalar(ReduceSum(ConvertDType(below, dtypes.Int32), -1), b-1)

	frequency := make([]float32, len(counts))
	for i, n := range counts {
		frequency[i] = float32(n)
	}
	mine := Gather(Const(g, frequency), Reshape(label, b, 1))
	theirs := Gather(mine, Reshape(z, b, 1))
	z = Where(GreaterOrEqual(theirs, mine), z, Iota(g, z.Shape(), 0))
	return Reshape(Gather(x, Reshape(z, b, 1)), x0.Shape().Dimensions...)
}
