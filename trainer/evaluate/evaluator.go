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

// extractBatch is the number of images that go through a network together.
const extractBatch = 50

// Evaluator compares images with the real images of a dataset.
type Evaluator struct {
	Groups   sweep.ClassGroups  // by training frequency
	Classes  []string           // names, in class order
	Floor    map[string]float64 // see NewEvaluator
	Features string             // SHA-256 of the weights of the feature extractor

	backend    *backend.Backend
	extractor  *features.Extractor
	classifier *features.Extractor // nil: the extractor, if that is a classifier
	real       view
	heldOut    []bool       // of real: whether the image is not trained on
	training   *dataset.Set // nil: not known
}

// NewEvaluator computes the features of the balanced real images of the set that d is
// split from, with the networks that files names, or else the built-in classifier. Floor
// has the metrics of one half of these images, in place of samples, against the other
// half: the fid of the two halves, the memorised_ratio of the images of one half that
// are not trained on, and the rest of at most samples images a class. progress, if not
// nil, is called with the number of images read, where that takes long, and then with
// the number whose features are computed.
func NewEvaluator(ctx context.Context, b *backend.Backend, d sweep.Dataset, files *sweep.Features, samples int, progress func(done, all int) error) (*Evaluator, error) {
	load := dataset.Loader{Progress: progress}
	real, err := load.Balanced(d)
	if err != nil {
		return nil, err
	}
	training, err := load.Load(d)
	if err != nil {
		return nil, err
	}
	return newEvaluator(ctx, b, training.Groups, real, training, files, samples, progress)
}

// newEvaluator compares with these real images.
func newEvaluator(
	ctx context.Context, b *backend.Backend, groups sweep.ClassGroups, real, training *dataset.Set,
	files *sweep.Features, samples int, progress func(done, all int) error,
) (*Evaluator, error) {
	j := &Evaluator{Groups: groups, Classes: real.Classes, Floor: map[string]float64{}, backend: b, training: training}
	if err := j.open(real, files); err != nil {
		return nil, err
	}
	if err := j.prepare(ctx, real, samples, progress); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// open loads the networks. A file that is missing, or made for other images, is bad data.
func (j *Evaluator) open(real *dataset.Set, files *sweep.Features) (err error) {
	load := func(field, file string) (*features.Extractor, error) {
		if file == "" {
			return features.Open(j.backend, real.Size, extractBatch)
		}
		e, err := features.OpenFile(j.backend, file, features.Images{Size: real.Size, Channels: real.Channels}, extractBatch)
		if err != nil {
			return nil, precheck.FileError(field, err)
		}
		return e, nil
	}
	builtIn, own := sweep.HasClassifier(real.Name), sweep.Features{}
	if files != nil {
		own = *files
	} else if !builtIn {
		return precheck.BadData(fmt.Errorf("evaluate.features: missing, and there is no built-in classifier for %s", real.Name))
	}
	if j.extractor, err = load(precheck.FieldPath, own.Path); err != nil {
		return precheck.BadData(err)
	}
	j.Features = j.extractor.Digest
	field, classifier := precheck.FieldPath, j.extractor
	if classifier.Classes == 0 {
		if own.Classifier == "" && !builtIn {
			return nil // no metric needs a classifier
		}
		field = precheck.FieldClassifier
		j.classifier, err = load(field, own.Classifier)
		classifier = j.classifier
	}
	if err == nil {
		err = precheck.Classes(field, classifier.Classes, len(real.Classes))
	}
	if err != nil {
		j.Close()
		return precheck.BadData(err)
	}
	return nil
}

// prepare computes the features of the real images and the floor.
func (j *Evaluator) prepare(ctx context.Context, real *dataset.Set, samples int, progress func(done, all int) error) error {
	var err error
	j.real, err = j.extract(ctx, real.Images, real.Labels, func(done int) error {
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

// heldOut reports for each image of a set whether it is not trained on. It compares
// pixels, so that it does not matter how the training images were chosen.
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

// measurement returns a measurement of the wanted metrics.
func (j *Evaluator) measurement(wanted func(name string) bool) *measurement {
	m := &measurement{groups: j.Groups, classes: j.Classes, wanted: wanted, metrics: map[string]float64{}, spread: map[string]float64{}}
	if j.training != nil {
		m.training = view{pixels: j.training.Images, labels: j.training.Labels}
	}
	return m
}

// extract computes features and predictions of images.
func (j *Evaluator) extract(ctx context.Context, images []float32, labels []int, progress func(done int) error) (view, error) {
	out, err := j.extractor.Extract(ctx, images, progress)
	if err != nil {
		return view{}, err
	}
	if n := len(out.Features) / j.extractor.Dims; n != len(labels) {
		return view{}, fmt.Errorf("evaluate: %d images for %d labels", n, len(labels))
	}
	predictions := out.Predictions
	if j.classifier != nil {
		classified, err := j.classifier.Extract(ctx, images, nil)
		if err != nil {
			return view{}, err
		}
		predictions = classified.Predictions
	}
	return newView(images, labels, j.extractor.Dims, out, predictions), nil
}

// Close frees the networks.
func (j *Evaluator) Close() {
	if j.classifier != nil {
		j.classifier.Close()
	}
	j.extractor.Close()
}

// Part is a part of the real images with which samples are compared.
type Part int

// The parts. A guidance scale is chosen on Validation, and its metrics are measured on
// Report.
const (
	Whole Part = iota
	Validation
	Report
)

// against returns the real images of a part.
func (j *Evaluator) against(part Part) view {
	switch part {
	case Validation:
		return j.real.half(0)
	case Report:
		return j.real.half(1)
	}
	return j.real
}

// Metrics returns the metrics of images `[N,S,S,C]` in [-1, 1] against a part of the real
// images, and the standard deviations of those metrics that have one. Image i was
// sampled as asked[i]. wanted, if not nil, selects metrics. A group or class with too few
// images has no FID. cas.* is measured by CAS.
func (j *Evaluator) Metrics(ctx context.Context, images []float32, asked []diffusion.SampleID, part Part, wanted func(name string) bool) (metrics, spread map[string]float64, err error) {
	samples, err := j.extract(ctx, images, labelsOf(asked), nil)
	if err != nil {
		return nil, nil, err
	}
	m := j.measurement(wanted)
	if err := m.run(j.against(part), samples); err != nil {
		return nil, nil, err
	}
	return m.metrics, m.spread, nil
}

func labelsOf(asked []diffusion.SampleID) []int {
	labels := make([]int, len(asked))
	for i, p := range asked {
		labels[i] = p.Class
	}
	return labels
}
