package features

import (
	"fmt"
	"os"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Network describes a network by the header of its file.
type Network struct {
	// Dims is the length of an image's features.
	Dims int
	// Classes is the number of classes of a classifier; 0 for another network.
	Classes int
}

// Inspect reads a file with the same checks and errors as OpenFile. It builds nothing and
// needs no backend.
func Inspect(path string, images Images) (Network, error) {
	data, err := readFile(path)
	if err != nil {
		return Network{}, err
	}
	n, _, err := recognise(data, images)
	if err != nil {
		return Network{}, fmt.Errorf("%s: features: %w", path, err)
	}
	return n, nil
}

// maxFile is the largest file of weights that is read; Inception-v3 has 95 MB.
const maxFile = 1 << 30

func readFile(path string) ([]byte, error) {
	var data []byte
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxFile:
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	default:
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return data, nil
}

// recognise finds out from the names of the tensors which network a file has, and checks
// that all tensors are there and that the network takes such images. A network that is
// not a classifier is Inception-v3.
func recognise(data []byte, images Images) (n Network, byName map[string]checkpoint.Tensor, err error) {
	all, _, err := checkpoint.DecodeTensors(data)
	if err != nil {
		return n, nil, err
	}
	byName = make(map[string]checkpoint.Tensor, len(all))
	for _, t := range all {
		byName[t.Name] = t
	}
	var wanted []weight
	if _, ok := byName[inceptionFirst]; ok {
		n.Dims = inceptionDims
		if images.Channels != 3 || images.Size < 32 {
			return n, nil, fmt.Errorf("Inception-v3 needs RGB images of at least 32 pixels; these have %d pixels and %d channels", images.Size, images.Channels)
		}
		for _, c := range inceptionLayers() {
			wanted = append(wanted, c.weights()...)
		}
	} else {
		kernel, logits := byName["conv0.kernel"].Shape, byName["logits.weight"].Shape
		if len(kernel) != 4 || len(logits) != 2 || logits[1] < 1 {
			return n, nil, fmt.Errorf("%w: neither a classifier (no tensor conv0.kernel) nor Inception-v3 (no tensor %s)", checkpoint.ErrCorrupt, inceptionFirst)
		}
		n = Network{Dims: Dims, Classes: logits[1]}
		if kernel[2] != images.Channels {
			return n, nil, fmt.Errorf("the classifier expects images with %d channels; these have %d", kernel[2], images.Channels)
		}
		if !sweep.ClassifierTakes(images.Size) {
			return n, nil, fmt.Errorf("no classifier takes images of %d pixels a side (valid: %s)", images.Size, sweep.ClassifierSizes())
		}
		wanted = weights(images.Channels, n.Classes)
	}
	if err := complete(byName, wanted); err != nil {
		return n, nil, err
	}
	if n.Classes > 0 && len(all) != len(wanted) {
		return n, nil, fmt.Errorf("%w: %d tensors, and a classifier has %d", checkpoint.ErrCorrupt, len(all), len(wanted))
	}
	return n, byName, nil
}

// complete returns an error where a tensor is missing or has another shape.
func complete(byName map[string]checkpoint.Tensor, wanted []weight) error {
	for _, w := range wanted {
		if t, ok := byName[w.name]; !ok || !slices.Equal(t.Shape, w.dims) || t.DType != checkpoint.F32 {
			return fmt.Errorf("%w: no tensor %s %v of %s", checkpoint.ErrCorrupt, w.name, w.dims, checkpoint.F32)
		}
	}
	return nil
}
