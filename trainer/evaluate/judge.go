package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// extractBatch is how many images go through a network together.
const extractBatch = 50

// Judge compares images with the real ones of a dataset.
type Judge struct {
	Groups   sweep.ClassGroups  // by training frequency
	Classes  []string           // names, in class order
	Floor    map[string]float64 // see NewJudge
	Features string             // SHA-256 of the weights that features are taken with

	backend    *backend.Backend
	extractor  *features.Extractor
	classifier *features.Extractor // the extractor, another, or nil
	real       view
	heldOut    []bool       // of real: not trained on
	training   *dataset.Set // nil: none is known
}

// NewJudge looks at the balanced real images of the set that d is split from,
// with the networks that files names, or else the built-in classifier. Floor
// becomes what one half of these images scores as samples against the other half,
// by name: FID of the whole halves, memorised_ratio of those images of a half that
// are not trained on, the rest of samples images a class at most, as many as a
// model has. It is a yardstick, not a bound. progress, if not nil, hears how many
// of them it has read, where that takes long, and then how many it has looked at.
func NewJudge(ctx context.Context, b *backend.Backend, d sweep.Dataset, files *sweep.Features, samples int, progress func(done, all int) error) (*Judge, error) {
	load := dataset.Loader{Progress: progress}
	real, err := load.Balanced(d)
	if err != nil {
		return nil, err
	}
	training, err := load.Load(d)
	if err != nil {
		return nil, err
	}
	return newJudge(ctx, b, training.Groups, real, training, files, samples, progress)
}

// newJudge judges against these real images.
func newJudge(
	ctx context.Context, b *backend.Backend, groups sweep.ClassGroups, real, training *dataset.Set,
	files *sweep.Features, samples int, progress func(done, all int) error,
) (*Judge, error) {
	j := &Judge{Groups: groups, Classes: real.Classes, Floor: map[string]float64{}, backend: b, training: training}
	if err := j.open(real, files); err != nil {
		return nil, err
	}
	if err := j.learn(ctx, real, samples, progress); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// open loads the networks. A file that is not there, or of other images, is the
// spec's fault.
func (j *Judge) open(real *dataset.Set, files *sweep.Features) (err error) {
	images := features.Images{Size: real.Size, Channels: len(real.Images) / max(1, real.Len()) / (real.Size * real.Size)}
	switch {
	case files != nil:
		if j.extractor, err = features.OpenFile(j.backend, files.Path, images, extractBatch); err != nil {
			err = precheck.OfFile(precheck.FieldPath, err)
		}
	case sweep.HasClassifier(real.Name):
		j.extractor, err = features.Open(j.backend, real.Size, extractBatch)
	default:
		err = fmt.Errorf("evaluate.features: missing, and there is no built-in classifier for %s", real.Name)
	}
	if err != nil {
		return precheck.BadData(err)
	}
	j.Features = j.extractor.Digest
	field := precheck.FieldPath
	switch {
	case j.extractor.Classes > 0:
		j.classifier = j.extractor
	case files.Classifier != "":
		field = precheck.FieldClassifier
		if j.classifier, err = features.OpenFile(j.backend, files.Classifier, images, extractBatch); err != nil {
			err = precheck.OfFile(field, err)
		}
	case sweep.HasClassifier(real.Name):
		j.classifier, err = features.Open(j.backend, real.Size, extractBatch)
	}
	if err == nil && j.classifier != nil {
		err = precheck.Classes(field, j.classifier.Classes, len(real.Classes))
	}
	if err != nil {
		j.Close()
		return precheck.BadData(err)
	}
	return nil
}

// learn looks at the real images and takes the floor.
func (j *Judge) learn(ctx context.Context, real *dataset.Set, samples int, progress func(done, all int) error) error {
	var err error
	j.real, err = j.look(ctx, real.Images, real.Labels, func(done int) error {
		if progress == nil {
			return nil
		}
		return progress(done, real.Len())
	})
	if err != nil {
		return err
	}
	j.heldOut = heldOut(real, j.training)
	halves := []view{j.real.half(0), j.real.half(1)}
	for _, on := range []struct {
		floor         floor
		real, samples view
	}{
		{wholeHalves, halves[0], halves[1]},
		{heldOutHalf, j.real, j.real.where(func(i, _ int) bool { return i%2 == 1 && j.heldOut[i] })},
		{equalHalves, halves[0].first(samples), halves[1].first(samples)},
	} {
		m := j.measurement(func(name string) bool { return hasFloor(name, on.floor) })
		m.metrics = j.Floor
		if err := m.run(on.real, on.samples); err != nil {
			return err
		}
	}
	return nil
}

// heldOut says which images of a set are not trained on, by their values, so that
// it does not matter how the training images were chosen.
func heldOut(real, training *dataset.Set) []bool {
	held := make([]bool, real.Len())
	if training == nil {
		return held
	}
	hash := func(image []float32) [sha256.Size]byte {
		bytes := make([]byte, 0, 4*len(image))
		for _, v := range image {
			bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
		}
		return sha256.Sum256(bytes)
	}
	trained := make(map[[sha256.Size]byte]bool, training.Len())
	for i := range training.Len() {
		trained[hash(training.Image(i))] = true
	}
	for i := range held {
		held[i] = !trained[hash(real.Image(i))]
	}
	return held
}

// measurement measures what is wanted.
func (j *Judge) measurement(wanted func(name string) bool) *measurement {
	m := &measurement{groups: j.Groups, classes: j.Classes, wanted: wanted, numbers: newNumbers()}
	if j.training != nil {
		m.training = view{pixels: j.training.Images, labels: j.training.Labels}
	}
	return m
}

// look is what the networks say of images.
func (j *Judge) look(ctx context.Context, images []float32, labels []int, progress func(done int) error) (view, error) {
	out, err := j.extractor.Extract(ctx, images, progress)
	if err != nil {
		return view{}, err
	}
	if n := len(out.Features) / j.extractor.Dims; n != len(labels) {
		return view{}, fmt.Errorf("evaluate: %d images for %d labels", n, len(labels))
	}
	predictions := out.Predictions
	if j.classifier != nil && j.classifier != j.extractor {
		told, err := j.classifier.Extract(ctx, images, nil)
		if err != nil {
			return view{}, err
		}
		predictions = told.Predictions
	}
	return newView(images, labels, j.extractor.Dims, out, predictions), nil
}

// Close frees the networks.
func (j *Judge) Close() {
	if j.classifier != nil && j.classifier != j.extractor {
		j.classifier.Close()
	}
	j.extractor.Close()
}

// Part is which of the real images samples are compared with.
type Part int

// The parts. A guidance scale is chosen on one half, and its numbers are reported
// on the other.
const (
	Whole Part = iota
	Validation
	Report
)

// against are the real images of a part.
func (j *Judge) against(part Part) view {
	switch part {
	case Validation:
		return j.real.half(0)
	case Report:
		return j.real.half(1)
	}
	return j.real
}

// Metrics returns the metrics of images `[N,S,S,C]` in [-1, 1], of which image i
// was asked to be asked[i], against a part of the real images; spread are the
// standard deviations of those metrics that have one. wanted, if not nil, says
// which metrics. A group or class with too few images has no FID. cas.* are none of
// them: see CAS.
func (j *Judge) Metrics(ctx context.Context, images []float32, asked []diffusion.Picture, part Part, wanted func(name string) bool) (metrics, spread map[string]float64, err error) {
	samples, err := j.look(ctx, images, labelsOf(asked), nil)
	if err != nil {
		return nil, nil, err
	}
	m := j.measurement(wanted)
	if err := m.run(j.against(part), samples); err != nil {
		return nil, nil, err
	}
	return m.metrics, m.spread, nil
}

func labelsOf(asked []diffusion.Picture) []int {
	labels := make([]int, len(asked))
	for i, p := range asked {
		labels[i] = p.Class
	}
	return labels
}
