package diffusion

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// Batch is one batch as graph inputs.
type Batch struct {
	X0    *Node // `[B,S,S,1]` images in [-1, 1]
	Eps   *Node // `[B,S,S,1]` standard normal
	T     *Node // `[B]` int32, 0..T-1
	Label *Node // `[B]` int32, the true class
	Kept  *Node // `[B]` float32: 0 where the label is dropped, else 1
}

// Terms are scalars. InfoNCE and Alignment are before their weights, and nil
// when off.
type Terms struct {
	Total     *Node
	DDPM      *Node
	InfoNCE   *Node
	Alignment *Node
}

// Loss builds the training loss. null is the label that stands for none.
func Loss(scope *model.Scope, net nets.Net, s *Schedule, batch Batch, null int, settings sweep.Settings) Terms {
	infonce, alignment := settings.InfoNCE, settings.Alignment
	xt := s.Corrupt(batch.X0, batch.Eps, batch.T)
	nulls := AddScalar(ZerosLike(batch.Label), null)
	label := Where(ConvertDType(batch.Kept, dtypes.Bool), batch.Label, nulls)

	epsC, h := net.Forward(scope, xt, batch.T, label)
	terms := Terms{DDPM: ReduceAllMean(Square(Sub(epsC, batch.Eps)))}
	terms.Total = terms.DDPM

	var eps0 *Node
	if alignment.Weight > 0 || (infonce.Weight > 0 && infonce.Pass == sweep.PassUncond) {
		var h0 *Node
		eps0, h0 = net.Forward(scope, xt, batch.T, nulls)
		if infonce.Pass == sweep.PassUncond {
			h = h0
		}
	}
	if infonce.Weight > 0 {
		terms.InfoNCE = InfoNCE(h, batch.T, infonce)
		terms.Total = Add(terms.Total, MulScalar(terms.InfoNCE, infonce.Weight))
	}
	if alignment.Weight > 0 {
		terms.Alignment = Alignment(epsC, eps0, batch.T, batch.Kept, alignment)
		terms.Total = Add(terms.Total, MulScalar(terms.Alignment, alignment.Weight))
	}
	return terms
}
