package trainer

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

// batch is one training batch on the host. inputs and masks are empty where no term
// draws numbers and where dropout is off, so that the inputs of a graph depend on the
// settings alone.
type batch struct {
	images []float32 // `[B,S,S,K]`
	labels []int32   // `[B]`
	draws  diffusion.Draws
	inputs []any    // of diffusion.Inputs
	masks  []uint64 // of shape nets.MaskState
}

// batch returns the batch of a step, counted from 0: a function of the seed and step.
func (r *run) batch(step int) (batch, error) {
	s := r.settings
	images, labels, err := r.data.Gather(r.order.Batch(step))
	if err != nil {
		return batch{}, err
	}
	if r.job.Spec.Train.Flip == sweep.FlipHorizontal {
		r.data.Flip(images, s.Seed, step)
	}
	size, b := r.job.Spec.Dataset.Size, len(labels)
	out := batch{images: images, labels: labels, inputs: diffusion.Inputs(s, step, b, r.data.Counts)}
	out.draws = diffusion.TrainingDraws(s.Seed, step, b, size*size*r.job.Spec.Dataset.Channels(), s.LabelDropout, s.LabelDropoutMode == sweep.DropBatch)
	if r.job.Spec.Model.Dropout > 0 {
		out.masks = diffusion.MaskState(s.Seed, step)
	}
	return out, nil
}

// tensors returns the inputs of a step's graph, in the order in which graphBatch reads
// them.
func (b batch) tensors(s *stepper, at schedule) ([]*tensors.Tensor, error) {
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
	for _, numbers := range b.inputs {
		t, err := tensors.FromAnyValue(numbers)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, t)
	}
	if b.masks != nil {
		inputs = append(inputs, tensors.FromFlatDataAndDimensions(b.masks, len(b.masks)))
	}
	return inputs, nil
}

// graphBatch gives the inputs of a step's graph their names; control is a schedule's
// numbers.
func graphBatch(in []*Node, dropout bool) (b diffusion.Batch, control *Node) {
	b = diffusion.Batch{X0: in[0], Eps: in[1], T: in[2], Label: in[3], Kept: in[4], Inputs: in[6:]}
	if last := len(in) - 1; dropout {
		b.Inputs, b.Masks = in[6:last], nets.NewMasks(in[last])
	}
	return b, in[5]
}

// groupsOf returns the group of each label.
func (r *run) groupsOf(labels []int32) []string {
	groups := make([]string, len(labels))
	for i, l := range labels {
		groups[i] = r.groups[l]
	}
	return groups
}
