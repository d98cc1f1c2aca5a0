package diffusion

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// CBDM is class-balancing diffusion (arXiv 2305.00562, as in the authors' released
// code): the prediction for a class moves towards that for another class, so that tail
// classes borrow from head classes, and a quarter as much the other way:
//
//	L = mean_i kept_i (t_i/T) mean_pixels [ (e_y - sg(e_y'))^2 + 1/4 (sg(e_y) - e_y')^2 ]
//
// with e the predicted noise `[B,S,S,K]` of the same x_t, y' sampled from the long-tailed
// label frequencies, sg the stop-gradient. kept `[B]` is 0 where the label was dropped
// (the released code drops the labels of a whole batch or of none). It needs a separate
// forward pass.
func CBDM(eps, other, t, kept *Node) *Node {
	near := ReduceMean(Square(Sub(eps, StopGradient(other))), 1, 2, 3)
	far := ReduceMean(Square(Sub(StopGradient(eps), other)), 1, 2, 3)
	return ReduceAllMean(Mul(Mul(weight(t, 1, 0), kept), Add(near, MulScalar(far, 0.25))))
}

// cbdmTerm is CBDM; other `[B]` int32 is y'.
func cbdmTerm(p *passes, other *Node) *Node {
	return CBDM(p.eps(p.cond), p.eps(p.forward(other)), p.batch.T, p.batch.Kept)
}

// otherClasses draws y' for a step: classes by their counts, a `[batch]` []int32.
func otherClasses(seed int64, step, batch int, counts []int) any {
	r := Random(seed, StreamCBDM, uint64(step))
	total := 0
	for _, n := range counts {
		total += n
	}
	drawn := make([]int32, batch)
	for i := range drawn {
		at := r.IntN(total)
		for at >= counts[drawn[i]] {
			at -= counts[drawn[i]]
			drawn[i]++
		}
	}
	return drawn
}
