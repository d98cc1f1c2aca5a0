package evaluate

import (
	"context"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// CASSteps is the number of steps of 128 images for which the classifier trains. The rest
// is as in features.Train.
const CASSteps = 600

const casSeed = 1

// CAS returns cas.*: the accuracy, on real images that were not trained on, of a
// classifier of package features that is trained on the training images and the samples
// (after the classification accuracy score of arXiv 1905.10887, which trains on samples
// alone). The value of a group is the mean over its classes that have such images. It is
// deterministic on one backend and machine type.
func (e *Evaluator) CAS(ctx context.Context, images []float32, labels []int) (scores, deviations map[string]float64, err error) {
	return e.cas(ctx, images, labels, CASSteps)
}

func (e *Evaluator) cas(ctx context.Context, images []float32, labels []int, steps int) (scores, deviations map[string]float64, err error) {
	data := e.training.With(dataset.InMemory(images, e.pixels), labels)
	classifier, err := features.Fit(ctx, e.backend, data, casSeed, steps, extractBatch)
	if err != nil {
		return nil, nil, err
	}
	defer classifier.Close()
	tested := e.real.where(func(i, _ int) bool { return e.heldOut[i] })
	out, err := classifier.Extract(ctx, tested.pixels, nil)
	if err != nil {
		return nil, nil, err
	}
	m := accuracy(sweep.FamilyCAS+".", e.Groups, tested.labels, out.Predictions)
	return m.metrics, m.errors, nil
}

// GroupAccuracy returns the accuracy of predictions by group: the mean over its classes
// that have labels, so that each class counts the same. A group without any is left out.
func GroupAccuracy(groups sweep.ClassGroups, labels, predictions []int) map[string]float64 {
	return accuracy("", groups, labels, predictions).metrics
}

// accuracy measures the accuracy by group, each under its name after a prefix.
func accuracy(prefix string, groups sweep.ClassGroups, labels, predictions []int) measurement {
	m := measurement{metrics: map[string]float64{}, errors: map[string]float64{}}
	for _, group := range sweep.MetricGroups() {
		m.ratio(prefix+group, labels, groups.Classes(group), func(i int) bool { return predictions[i] == labels[i] })
	}
	return m
}
