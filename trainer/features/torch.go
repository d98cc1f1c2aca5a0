package features

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/pytorch"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// readTorch reads the float32 tensors of a state dictionary that torch.save wrote.
func readTorch(path string) (map[string]checkpoint.Tensor, error) {
	loaded, err := pytorch.Load(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	state, ok := loaded.(*types.OrderedDict)
	if !ok {
		return nil, fmt.Errorf("%s: %w: a %T in place of a state dictionary", path, checkpoint.ErrCorrupt, loaded)
	}
	byName := make(map[string]checkpoint.Tensor, state.Len())
	for key, entry := range state.Map {
		name, _ := key.(string)
		t, ok := entry.Value.(*pytorch.Tensor)
		if !ok {
			continue
		}
		data, ok := t.Source.(*pytorch.FloatStorage)
		if !ok {
			continue // a counter
		}
		values, err := strided(data.Data, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: tensor %s: %w", path, checkpoint.ErrCorrupt, name, err)
		}
		byName[name] = checkpoint.FromFloat32(name, t.Size, values)
	}
	return byName, nil
}

// strided returns the elements of a tensor row by row. torch saves a transposed tensor as it
// lies in memory.
func strided(data []float32, t *pytorch.Tensor) ([]float32, error) {
	n := 1
	for _, d := range t.Size {
		n *= d
	}
	values, at := make([]float32, n), make([]int, len(t.Size))
	for i := range values {
		from := t.StorageOffset
		for axis, k := range at {
			from += k * t.Stride[axis]
		}
		if from < 0 || from >= len(data) {
			return nil, fmt.Errorf("element %d is at %d of %d", i, from, len(data))
		}
		values[i] = data[from]
		for axis := len(at) - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < t.Size[axis] {
				break
			}
			at[axis] = 0
		}
	}
	return values, nil
}
