package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/features"
)

const (
	realShare = 0.01 // of real images that a threshold refuses
	leastReal = 100  // real images of a class, with fewer the threshold comes from all classes
	mostReal  = 1000 // of a class that a threshold is measured on
)

// Threshold is the least distances that pass the gates in one class, in grey levels. An
// image fails at the distance itself, too. Without real images both are 0: only copies fail.
type Threshold struct {
	NearCopy       float64 `json:"near_copy"`        // of the nearest training image
	NearCopyImages int     `json:"near_copy_images"` // real images that it was measured on
	Duplicate      float64 `json:"duplicate"`        // of the nearest generated image of the class
	DuplicateReal  int     `json:"duplicate_images"` // likewise
}

// inspector measures what the index shows of an image, and applies the gates.
type inspector struct {
	gates      []string
	classes    []string
	size       int
	classifier *features.Extractor // nil: none
	real       Real
	training   dataset.Images // without exact copies; nil: not known
	thresholds []Threshold    // by class
	kept       []thumbs       // by class, of the images that passed; only with GateDuplicate
}

// Real are the real images of a dataset. Training is nil where they cannot be read.
type Real struct {
	Training *dataset.Set
	Balanced *dataset.Set // what held-out images are taken from; nil: none
}

// newInspector measures the thresholds.
func newInspector(d sweep.Dataset, classes, gates []string, classifier *features.Extractor, real Real) (*inspector, error) {
	in := &inspector{
		gates: gates, classes: classes, size: d.Size, classifier: classifier, real: real,
		thresholds: make([]Threshold, len(classes)), kept: make([]thumbs, len(classes)),
	}
	if real.Training != nil {
		if err := in.measure(); err != nil {
			return nil, err
		}
		in.real.Balanced = nil // no longer needed
	}
	return in, nil
}

// measure sets the training images and the thresholds of the classes.
//
// near_copy compares real images with the training images: the held-out images of the
// class and, where these are fewer than leastReal, its training images, each with the
// others. duplicate compares the real images of the class with each other. Exact copies
// among the real images count once.
func (in *inspector) measure() error {
	real := in.real
	training, err := distinct(real.Training)
	if err != nil {
		return err
	}
	in.training = training.Images
	n := training.Size * training.Size * training.Channels
	var heldOut *dataset.Set
	if real.Balanced != nil {
		held, err := real.Balanced.HeldOut(real.Training)
		if err != nil {
			return err
		}
		if heldOut, err = distinct(real.Balanced.Where(held)); err != nil {
			return err
		}
	}
	near, same := make([][]float64, len(in.classes)), make([][]float64, len(in.classes))
	for class := range in.classes {
		own, held := ofClass(training, class), dataset.InMemory(nil, n)
		if heldOut != nil {
			held = ofClass(heldOut, class)
			if near[class], _, err = nearest(held, training.Images, n); err != nil {
				return err
			}
		}
		if len(near[class]) < leastReal {
			_, others, err := nearest(own, training.Images, n) // the nearest is the image itself
			if err != nil {
				return err
			}
			near[class] = append(near[class], others...)
		}
		var all thumbs
		image, both := make([]float32, n), dataset.Joined(own, held)
		for i := range min(mostReal, both.Len()) {
			if err := both.Read(image, i); err != nil {
				return err
			}
			all = append(all, thumb(dataset.Levels(image), in.size))
		}
		for i, t := range all {
			same[class] = append(same[class], all.closest(t, i))
		}
	}
	for class := range in.thresholds {
		t := &in.thresholds[class]
		t.NearCopy, t.NearCopyImages = threshold(near, class)
		t.Duplicate, t.DuplicateReal = threshold(same, class)
	}
	return nil
}

// threshold returns the distance that a share of the real images of a class do not
// exceed, and their number. A class with few real images takes those of all classes.
func threshold(distances [][]float64, class int) (float64, int) {
	of := distances[class]
	if len(of) < leastReal {
		of = slices.Concat(distances...)
	}
	of = slices.DeleteFunc(slices.Clone(of), func(d float64) bool { return !sweep.IsFinite(d) }) // of an image that is alone
	if len(of) == 0 {
		return 0, 0
	}
	return leastQuantile(of, realShare), len(of)
}

// looked is a batch of images, with the outputs of the classifier and the distances of each.
type looked struct {
	pixels        [][]byte
	found         features.Output
	first, second []float64 // distances to the nearest training images
}

// look measures a batch of n images `[N,S,S,K]`.
func (in *inspector) look(ctx context.Context, images []float32, n int) (b looked, err error) {
	size := len(images) / n
	var rounded []float32 // as the files have them
	for image := range slices.Chunk(images, size) {
		b.pixels = append(b.pixels, dataset.Levels(image))
		rounded = append(rounded, dataset.Values(b.pixels[len(b.pixels)-1])...)
	}
	if in.classifier != nil {
		if b.found, err = in.classifier.Extract(ctx, dataset.InMemory(rounded, size), nil); err != nil {
			return b, err
		}
	}
	if in.training != nil {
		b.first, b.second, err = nearest(dataset.InMemory(rounded, size), in.training, size)
	}
	return b, err
}

// checked is what the index shows of an image.
type checked struct {
	label       int
	probability float64
	nearest     float64
	reasons     []string // the gates that it fails
}

// check applies the gates to image i of a batch. One that passes is remembered.
func (in *inspector) check(b looked, i, class int) (c checked) {
	t := in.thresholds[class]
	if in.classifier != nil {
		c.label, c.probability = b.found.Predictions[i], b.found.Probabilities[i]
	}
	if in.training != nil {
		c.nearest = b.first[i]
	}
	var small []byte
	for _, gate := range in.gates {
		fails := false
		switch gate {
		case sweep.GateLabel:
			fails = c.label != class
		case sweep.GateNearCopy:
			fails = c.nearest <= t.NearCopy || sweep.IsFinite(b.second[i]) && c.nearest < evaluate.MemorisedBelow*b.second[i]
		case sweep.GateDuplicate:
			small = thumb(b.pixels[i], in.size)
			fails = in.kept[class].closest(small, -1) <= t.Duplicate
		}
		if fails {
			c.reasons = append(c.reasons, gate)
		}
	}
	if small != nil && c.reasons == nil {
		in.kept[class] = append(in.kept[class], small)
	}
	return c
}

// remember adds an image that passed earlier.
func (in *inspector) remember(class int, pixels []byte) {
	if slices.Contains(in.gates, sweep.GateDuplicate) {
		in.kept[class] = append(in.kept[class], thumb(pixels, in.size))
	}
}

// distinct returns the images of a set, each once.
func distinct(s *dataset.Set) (*dataset.Set, error) {
	first, err := s.Distinct()
	if err != nil {
		return nil, err
	}
	return s.Where(first), nil
}

// ofClass returns the first images of a class, at most mostReal.
func ofClass(s *dataset.Set, class int) dataset.Images {
	var indices []int
	for i, label := range s.Labels {
		if label == class && len(indices) < mostReal {
			indices = append(indices, i)
		}
	}
	return dataset.Part(s.Images, indices)
}

// chooseGates returns the gates to apply: those asked for, or with nil all that can be
// applied. A gate that was asked for and cannot be applied is an error. noLabel and noData
// are the reasons why a gate cannot be applied; nil where it can.
func chooseGates(asked []string, noLabel, noData error) (gates []string, missing []error, err error) {
	for _, gate := range sweep.ImageGates() {
		if asked != nil && !slices.Contains(asked, gate) {
			continue
		}
		why := map[string]error{sweep.GateLabel: noLabel, sweep.GateNearCopy: noData}[gate]
		if why != nil {
			missing = append(missing, fmt.Errorf("gate %s cannot be applied: %w", gate, why))
			continue
		}
		gates = append(gates, gate)
	}
	if asked != nil && len(missing) > 0 {
		return nil, nil, fmt.Errorf("%w (valid: --gates %s)", errors.Join(missing...), words(gates))
	}
	return gates, missing, nil
}

// NoGates is the word for an empty list of gates.
const NoGates = "none"

func words(gates []string) string {
	if len(gates) == 0 {
		return NoGates
	}
	return strings.Join(gates, ",")
}
