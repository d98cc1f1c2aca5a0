package evaluate

import (
	"context"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// extractBatch is the number of images that go through a network together.
const extractBatch = 50

// Evaluator compares images with the real images of a dataset.
type Evaluator struct {
	Groups  sweep.ClassGroups  // by training frequency
	Classes []string           // names, in class order
	Floor   map[string]float64 // see NewEvaluator

	FloorError map[string]float64 // standard errors of Floor
	Features   string             // SHA-256 of the weights of the feature extractor

	backend    *backend.Backend
	extractor  *features.Extractor
	classifier *features.Extractor // nil: the extractor, if that is a classifier
	real       view
	pixels     int          // values of an image
	heldOut    []bool       // of real: whether the image is not trained on
	training   *dataset.Set // nil: not known
}

// NewEvaluator computes the features of the balanced real images of the set that d is
// split from, with the networks that files names, or else the built-in classifier. Floor
// has the metrics of one half of these images, in place of samples, against the other
// half: fid of all images, memorised_ratio of the images of one half that are not trained
// on; all other metrics use at most samples images per class. progress, if not
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
	e := &Evaluator{Groups: groups, Classes: real.Classes, Floor: map[string]float64{}, FloorError: map[string]float64{}, backend: b, training: training}
	if err := e.open(ctx, real, files); err != nil {
		return nil, err
	}
	if err := e.prepare(ctx, real, samples, progress); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// open loads the networks. A file that is missing, or made for other images, is bad data.
func (e *Evaluator) open(ctx context.Context, real *dataset.Set, files *sweep.Features) (err error) {
	images, own := features.Images{Size: real.Size, Channels: real.Channels}, sweep.Features{}
	if files != nil {
		own = *files
	} else if !sweep.HasClassifier(real.Name) {
		return precheck.BadData(fmt.Errorf("evaluate.features: missing, and there is no built-in classifier for %s", real.Name))
	}
	if own.Network != "" {
		e.extractor, err = openPublished(ctx, e.backend, own.Network, images)
	} else {
		e.extractor, err = openNetwork(e.backend, images, sweep.FieldFeatures, own.Path)
	}
	if err != nil {
		return err
	}
	e.Features = e.extractor.Digest
	field, path, ok := precheck.Classifier(real.Name, files, e.extractor.Network)
	if !ok {
		return nil // no metric needs a classifier
	}
	classifier := e.extractor
	if field == sweep.FieldClassifier {
		if e.classifier, err = openNetwork(e.backend, images, field, path); err != nil {
			e.Close()
			return err
		}
		classifier = e.classifier
	}
	if err := precheck.Classes(field, classifier.Classes, len(real.Classes)); err != nil {
		e.Close()
		return precheck.BadData(err)
	}
	return nil
}

// openPublished opens a network of sweep.FeatureNetworks. Weights that cannot be downloaded
// are a fault of this machine.
func openPublished(ctx context.Context, b *backend.Backend, network string, images features.Images) (*features.Extractor, error) {
	if err := precheck.Weights(ctx, &sweep.Features{Network: network}, nil); err != nil {
		return nil, err
	}
	e, err := features.OpenPublished(ctx, b, network, images, extractBatch)
	if err != nil {
		return nil, precheck.BadData(&sweep.FieldError{Field: sweep.FieldNetwork, Value: network, Message: err.Error()})
	}
	return e, nil
}

// prepare computes the features of the real images and the floor.
func (e *Evaluator) prepare(ctx context.Context, real *dataset.Set, samples int, progress func(done, all int) error) error {
	var err error
	e.pixels = real.Size * real.Size * real.Channels
	e.real, err = e.extract(ctx, real.Images, real.Labels, func(done int) error {
		if progress == nil {
			return nil
		}
		return progress(done, real.Len())
	})
	if err != nil {
		return err
	}
	if e.heldOut, err = real.HeldOut(e.training); err != nil {
		return err
	}
	halves := []view{e.real.half(0), e.real.half(1)}
	for _, on := range []struct {
		floor         floor
		real, samples view
	}{
		{wholeHalves, halves[0], halves[1]},
		{heldOutHalf, e.real, e.real.where(func(i, _ int) bool { return i%2 == 1 && e.heldOut[i] })},
		{equalHalves, halves[0].evenly(samples), halves[1].evenly(samples)},
	} {
		m := e.measurement(func(name string) bool { return hasFloor(name, on.floor) })
		m.metrics, m.errors = e.Floor, e.FloorError
		if err := m.run(on.real, on.samples); err != nil {
			return err
		}
	}
	return nil
}

// measurement returns a measurement of the wanted metrics.
func (e *Evaluator) measurement(wanted func(name string) bool) *measurement {
	m := &measurement{
		groups: e.Groups, classes: e.Classes, counts: counts(e.real.labels, len(e.Classes)), wanted: wanted, pixels: e.pixels,
		metrics: map[string]float64{}, errors: map[string]float64{},
	}
	if e.training != nil {
		m.training = e.training.Images
	}
	return m
}

// extract computes features and predictions of images.
func (e *Evaluator) extract(ctx context.Context, images dataset.Images, labels []int, progress func(done int) error) (view, error) {
	out, err := e.extractor.Extract(ctx, images, progress)
	if err != nil {
		return view{}, err
	}
	if n := len(out.Features) / e.extractor.Dims; n != len(labels) {
		return view{}, fmt.Errorf("evaluate: %d images for %d labels", n, len(labels))
	}
	predictions := out.Predictions
	if e.classifier != nil {
		classified, err := e.classifier.Extract(ctx, images, nil)
		if err != nil {
			return view{}, err
		}
		predictions = classified.Predictions
	}
	return newView(images, labels, e.extractor.Dims, out, predictions), nil
}

// Close frees the networks.
func (e *Evaluator) Close() {
	if e.classifier != nil {
		e.classifier.Close()
	}
	e.extractor.Close()
}

// Part is a part of the real images with which samples are compared.
type Part int

// The parts. A guidance scale is chosen on Selection, and its metrics are measured on
// Reporting.
const (
	Whole Part = iota
	Selection
	Reporting
)

// against returns the real images of a part.
func (e *Evaluator) against(part Part) view {
	switch part {
	case Selection:
		return e.real.half(0)
	case Reporting:
		return e.real.half(1)
	}
	return e.real
}

// Metrics returns the metrics of images `[N,S,S,C]` in [-1, 1] against a part of the real
// images, and their standard errors, where they are known. Image i was sampled as labels[i].
// wanted, if not nil, selects metrics. A group or class with too few images has no FID.
// cas.* is measured by CAS.
func (e *Evaluator) Metrics(ctx context.Context, images []float32, labels []int, part Part, wanted func(name string) bool) (metrics, standardErrors map[string]float64, err error) {
	samples, err := e.extract(ctx, dataset.InMemory(images, e.pixels), labels, nil)
	if err != nil {
		return nil, nil, err
	}
	m := e.measurement(wanted)
	if err := m.run(e.against(part), samples); err != nil {
		return nil, nil, err
	}
	return m.metrics, m.errors, nil
}

// LeftOut returns the classes that have too few real images to take part in some metrics.
func (e *Evaluator) LeftOut() []sweep.LeftOut {
	return sweep.LeftOutClasses(e.Classes, counts(e.real.labels, len(e.Classes)))
}
