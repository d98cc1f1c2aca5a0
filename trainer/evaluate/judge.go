package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// extractBatch is how many images go through the classifier together.
const extractBatch = 50

// groupNames are the groups that every family of metrics has.
var groupNames = []string{sweep.GroupAll, sweep.GroupHead, sweep.GroupMedium, sweep.GroupTail}

// Judge compares images with the real ones of a dataset.
type Judge struct {
	Groups  sweep.ClassGroups // by training frequency
	Classes []string          // names, in class order
	Floor   map[string]float64

	extractor *features.Extractor
	real      map[string]Moments // by group; a group too small for a covariance has none
}

// NewJudge looks at the balanced real images of the set that d is split from.
// Floor becomes the FID, by name, of one half of them against the other: a
// yardstick, not a bound, since FID falls with the number of images, which is that
// of the halves (500 a class of the 10,000) and not that of a model's samples.
// progress, if not nil, hears how many of them it has read, where that takes long, and
// then how many it has looked at.
func NewJudge(ctx context.Context, b *backend.Backend, d sweep.Dataset, progress func(done, all int) error) (*Judge, error) {
	real, err := dataset.Loader{Progress: progress}.Balanced(d)
	if err != nil {
		return nil, err
	}
	about, err := dataset.Describe(d)
	if err != nil {
		return nil, err
	}
	return newJudge(ctx, b, about.Groups, real, progress)
}

// newJudge judges against these real images.
func newJudge(ctx context.Context, b *backend.Backend, groups sweep.ClassGroups, real *dataset.Set, progress func(done, all int) error) (*Judge, error) {
	if err := classifiable(real); err != nil {
		return nil, err
	}
	extractor, err := features.Open(b, real.Size, extractBatch)
	if err != nil {
		return nil, err
	}
	j := &Judge{
		Groups: groups, Classes: real.Classes, Floor: map[string]float64{},
		extractor: extractor, real: map[string]Moments{},
	}
	if err := j.learn(ctx, real, progress); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// classifiable returns an error unless the frozen classifiers know these images.
func classifiable(real *dataset.Set) error {
	if real.Name == sweep.FashionMNIST || real.Name == sweep.FashionMNIST10k {
		return nil
	}
	err := fmt.Errorf("dataset.name: %s (%dx%[2]d pixels, %d channels) trains and samples, but there is no classifier of its images to take FID and label accuracy with (valid: %s, %s)",
		real.Name, real.Size, max(1, real.Channels), sweep.FashionMNIST10k, sweep.FashionMNIST)
	return &sweep.FailureError{Failure: sweep.Failure{Class: sweep.FailBadData, Message: err.Error()}, Err: err}
}

func (j *Judge) learn(ctx context.Context, real *dataset.Set, progress func(done, all int) error) error {
	out, err := j.extractor.Extract(ctx, real.Images, func(done int) error {
		if progress == nil {
			return nil
		}
		return progress(done, real.Len())
	})
	if err != nil {
		return err
	}
	for _, group := range groupNames {
		classes := j.Groups.Classes(group)
		of := func(row int) bool { return slices.Contains(classes, real.Labels[row]) }
		if err := j.look(group, out.Features, of); err != nil {
			return fmt.Errorf("evaluate: real images of group %s: %w", group, err)
		}
	}
	return nil
}

// look fills in the real moments and the floor of a group.
func (j *Judge) look(group string, all []float32, of func(row int) bool) error {
	whole, err := moments(all, features.Dims, of)
	if errors.Is(err, errTooFew) {
		return nil
	}
	if err != nil {
		return err
	}
	j.real[group] = whole
	var halves [2]Moments
	for i := range halves {
		halves[i], err = moments(all, features.Dims, func(row int) bool { return of(row) && row%2 == i })
		if errors.Is(err, errTooFew) {
			return nil // no floor
		}
		if err != nil {
			return err
		}
	}
	floor, err := Frechet(halves[0], halves[1])
	j.Floor[sweep.FamilyFID+"."+group] = floor
	return err
}

// Close frees the classifier.
func (j *Judge) Close() { j.extractor.Close() }

// Metrics returns fid.* and label_accuracy.* of images `[N,S,S,1]` in [-1, 1], of
// which image i was asked to be asked[i]. A group with too few images has no FID.
func (j *Judge) Metrics(ctx context.Context, images []float32, asked []diffusion.Picture) (map[string]float64, error) {
	out, err := j.extractor.Extract(ctx, images, nil)
	if err != nil {
		return nil, err
	}
	if len(out.Predictions) != len(asked) {
		return nil, fmt.Errorf("evaluate: %d images for %d labels", len(out.Predictions), len(asked))
	}
	metrics := map[string]float64{}
	for _, group := range groupNames {
		classes := j.Groups.Classes(group)
		of := func(row int) bool { return slices.Contains(classes, asked[row].Class) }
		count, right := 0, 0
		for i, p := range out.Predictions {
			if of(i) {
				count++
				if p == asked[i].Class {
					right++
				}
			}
		}
		if count == 0 {
			continue
		}
		metrics[sweep.FamilyLabelAccuracy+"."+group] = float64(right) / float64(count)
		real, enough := j.real[group]
		generated, err := moments(out.Features, features.Dims, of)
		if !enough || errors.Is(err, errTooFew) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("evaluate: images of group %s: %w", group, err)
		}
		if metrics[sweep.FamilyFID+"."+group], err = Frechet(real, generated); err != nil {
			return nil, fmt.Errorf("evaluate: %w", err)
		}
	}
	return metrics, nil
}
