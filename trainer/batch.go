package trainer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// batch is one training batch on the host. The last three are empty where their loss,
// or dropout, is off: so the inputs of a graph are a function of the settings.
type batch struct {
	images  []float32 // `[B,S,S,K]`
	labels  []int32   // `[B]`
	draws   diffusion.Draws
	other   []int32   // `[B]`, CBDM's y'
	uniform []float32 // `[B]`, T2H's draw
	masks   []uint64  // of shape nets.MaskState
}

// batch is what step trains on, counted from 0: a function of the seed and step.
func (r *run) batch(step int) batch {
	s := r.settings
	images, labels := r.data.Gather(r.order.Batch(step))
	size, b := r.job.Spec.Dataset.Size, len(labels)
	out := batch{images: images, labels: labels}
	out.draws = diffusion.TrainingDraws(s.Seed, step, b, size*size*r.job.Spec.Dataset.Channels(), s.LabelDropout, s.LabelDropoutMode == sweep.DropBatch)
	if s.CBDM.Weight > 0 {
		out.other = diffusion.OtherClasses(s.Seed, step, b, r.data.Counts)
	}
	if s.T2H.Weight > 0 {
		out.uniform = diffusion.TransferDraws(s.Seed, step, b)
	}
	if r.job.Spec.Model.Dropout > 0 {
		out.masks = diffusion.MaskState(s.Seed, step)
	}
	return out
}

// tensors are the inputs of a step's graph, in the order that graphBatch reads.
func (b batch) tensors(s *stepper, at schedule) []*tensors.Tensor {
	n := len(b.labels)
	inputs := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(b.images, n, s.size, s.size, s.channels),
		tensors.FromFlatDataAndDimensions(b.draws.Eps, n, s.size, s.size, s.channels),
		tensors.FromFlatDataAndDimensions(b.draws.T, n),
		tensors.FromFlatDataAndDimensions(b.labels, n),
		tensors.FromFlatDataAndDimensions(b.draws.Kept, n),
		tensors.FromFlatDataAndDimensions([]float32{
			float32(at.lr), float32(at.correct1), float32(at.correct2), float32(at.ema)}, 4),
	}
	if b.other != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(b.other, n))
	}
	if b.uniform != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(b.uniform, n))
	}
	if b.masks != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(b.masks, len(b.masks)))
	}
	return inputs
}

// graphBatch names the inputs of a step's graph; control is a schedule's numbers.
func graphBatch(in []*Node, loss diffusion.Loss) (b diffusion.Batch, control *Node) {
	b = diffusion.Batch{X0: in[0], Eps: in[1], T: in[2], Label: in[3], Kept: in[4]}
	rest := in[6:]
	next := func() (n *Node) {
		n, rest = rest[0], rest[1:]
		return n
	}
	if loss.Settings.CBDM.Weight > 0 {
		b.Other = next()
	}
	if loss.Settings.T2H.Weight > 0 {
		b.Uniform = next()
	}
	if len(rest) > 0 {
		b.Masks = nets.NewMasks(next())
	}
	return b, in[5]
}

// groupsOf are the groups of the batch's classes.
func (r *run) groupsOf(labels []int32) []string {
	groups := make([]string, len(labels))
	for i, l := range labels {
		groups[i] = r.groups[l]
	}
	return groups
}
