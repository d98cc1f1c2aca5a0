package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// Dispersive spreads the latents of the conditional pass (Wang and He, arXiv
// 2506.09027, its InfoNCE form with squared distances, as in the authors' released code,
// where tau is 1):
//
//	L = log mean_ij exp(-|z_i - z_j|^2 / (D tau))
//
// over all pairs of the batch, a sample with itself included, z `[B,D]` the flattened
// latent, not normalised. It is at most 0, and at least -log B since self-pairs count 1,
// so nothing under- or overflows. It counts also where the label was dropped.
func Dispersive(z *Node, tau float64) *Node {
	b, d := z.Shape().Dim(0), z.Shape().Dim(1)
	gram := Einsum("id,jd->ij", z, z)
	length := ReduceSum(Square(z), -1)
	square := Sub(Add(Reshape(length, b, 1), Reshape(length, 1, b)), MulScalar(gram, 2))
	return Log(ReduceAllMean(Exp(MulScalar(square, -1/(float64(d)*tau)))))
}

func dispersiveTerm(p *passes, _ *Node) *Node {
	return Dispersive(p.cond.Latent(p.Layer), p.Settings.Number(sweep.ParamDispersiveTemperature))
}
