package evaluate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// What the metrics are defined with; docs/evaluation.md states them.
const (
	neighboursPR = 3                // precision, recall
	neighboursDC = sweep.Neighbours // density, coverage

	kidSubsets = 100
	kidMost    = 1000 // images of each set in a subset
	kidSeed    = 1

	// memorisedBelow is of the distances to the nearest and the second nearest
	// training image, as in the released code of arXiv 2310.02664.
	memorisedBelow = 1.0 / 3
)

// groupNames are the groups that every family of metrics has.
var groupNames = []string{sweep.GroupAll, sweep.GroupHead, sweep.GroupMedium, sweep.GroupTail}

// numbers are metrics by name, and the deviations of those that have one.
type numbers struct{ metrics, spread map[string]float64 }

// measurement compares samples with real images.
type measurement struct {
	groups   sweep.ClassGroups
	classes  []string
	training view                   // what was trained on; empty: memorised_ratio is left out
	wanted   func(name string) bool // nil: every metric
	numbers
}

func newNumbers() numbers {
	return numbers{metrics: map[string]float64{}, spread: map[string]float64{}}
}

// run measures samples against real images, group by group and class by class.
func (m *measurement) run(real, samples view) error {
	if slices.ContainsFunc(samples.features, func(f float32) bool {
		return math.IsNaN(float64(f)) || math.IsInf(float64(f), 0)
	}) {
		return errors.New("evaluate: the samples' features are not finite")
	}
	memorised := m.memorised(samples)
	for _, group := range groupNames {
		classes := m.groups.Classes(group)
		r, s := real.of(classes), samples.of(classes)
		if len(s.labels) == 0 {
			continue
		}
		m.labels(group, s)
		if memorised != nil {
			m.share(sweep.FamilyMemorisedRatio, group, samples.labels, classes, func(i int) bool { return memorised[i] })
		}
		if len(r.labels) == 0 {
			continue
		}
		if err := m.compare(group, r, s); err != nil {
			return fmt.Errorf("evaluate: group %s: %w", group, err)
		}
	}
	for class, metric := range sweep.ClassMetrics(m.classes) {
		if m.wants(metric) {
			only := []int{class}
			if err := m.fid(metric, real.of(only), samples.of(only)); err != nil {
				return fmt.Errorf("evaluate: class %s: %w", m.classes[class], err)
			}
		}
	}
	return nil
}

func (m *measurement) wants(name string) bool { return m.wanted == nil || m.wanted(name) }

// share is the part of the images of classes for which holds.
func (m *measurement) share(family, group string, labels, classes []int, holds func(i int) bool) {
	count, held := 0, 0
	for i, label := range labels {
		if slices.Contains(classes, label) {
			count++
			if holds(i) {
				held++
			}
		}
	}
	if count > 0 {
		m.metrics[family+"."+group] = float64(held) / float64(count)
	}
}

// labels are the metrics of samples alone: label_accuracy and diversity.
func (m *measurement) labels(group string, s view) {
	classes := m.groups.Classes(group)
	if name := sweep.FamilyLabelAccuracy; s.predictions != nil && m.wants(name+"."+group) {
		m.share(name, group, s.labels, classes, func(i int) bool { return s.predictions[i] == s.labels[i] })
	}
	if name := sweep.FamilyDiversity + "." + group; m.wants(name) {
		var sum float64
		n := 0
		for _, class := range classes {
			if own := s.of([]int{class}); len(own.labels) > 1 {
				sum += distance.Spread(own.features, own.dims)
				n++
			}
		}
		if n > 0 {
			m.metrics[name] = sum / float64(n)
		}
	}
}

// compare are the metrics of a group's samples against its real images.
func (m *measurement) compare(group string, r, s view) error {
	if name := sweep.FamilyFID + "." + group; m.wants(name) {
		if err := m.fid(name, r, s); err != nil {
			return err
		}
	}
	if name := sweep.FamilyKID + "." + group; m.wants(name) && min(len(r.labels), len(s.labels)) > 1 {
		subsets := distance.Subsets(len(r.labels), len(s.labels), kidSubsets, kidMost, kidSeed)
		mean, deviation, err := distance.Kernel(r.features, s.features, s.dims, subsets)
		if err != nil {
			return err
		}
		m.metrics[name], m.spread[name] = mean, deviation
	}
	if !slices.ContainsFunc(manifoldFamilies, func(family string) bool { return m.wants(family + "." + group) }) {
		return nil
	}
	// As many of one as of the other, since recall and coverage depend on both.
	n := min(r.perClass(), s.perClass())
	r, s = r.first(n), s.first(n)
	if min(len(r.labels), len(s.labels)) <= max(neighboursPR, neighboursDC) {
		return nil
	}
	manifold, err := distance.Manifolds(r.features, s.features, s.dims, neighboursPR, neighboursDC)
	if err != nil {
		return err
	}
	for i, value := range []float64{manifold.Precision, manifold.Recall, manifold.Density, manifold.Coverage} {
		m.metrics[manifoldFamilies[i]+"."+group] = value
	}
	return nil
}

var manifoldFamilies = []string{sweep.FamilyPrecision, sweep.FamilyRecall, sweep.FamilyDensity, sweep.FamilyCoverage}

// fid is left out where a side has too few images.
func (m *measurement) fid(name string, r, s view) error {
	real, err := distance.NewMoments(r.features, r.dims)
	if err == nil {
		var samples distance.Moments
		if samples, err = distance.NewMoments(s.features, s.dims); err == nil {
			m.metrics[name], err = distance.Frechet(real, samples)
		}
	}
	if errors.Is(err, distance.ErrTooFew) {
		return nil
	}
	return err
}

// memorised says of each sample whether it is a training image, nearly: nil where
// nobody wants to know, or there is nothing to know it by.
func (m *measurement) memorised(samples view) []bool {
	wanted := slices.ContainsFunc(groupNames, func(group string) bool { return m.wants(sweep.FamilyMemorisedRatio + "." + group) })
	if !wanted || len(m.training.labels) < 2 {
		return nil
	}
	first, second := distance.Nearest(samples.pixels, m.training.pixels, samples.size)
	out := make([]bool, len(first))
	for i := range out {
		out[i] = first[i] < memorisedBelow*second[i]
	}
	return out
}

// family is the part of a metric's name before its group.
func family(name string) string {
	family, _, _ := strings.Cut(name, ".")
	return family
}
