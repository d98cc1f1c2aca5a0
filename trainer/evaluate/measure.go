package evaluate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// family measures one family of sweep.MetricFamilies, or several that are computed
// together: one file of this package.
type family struct {
	names []string
	// group measures them over a group of classes.
	group func(m *measurement, p subset) error
	// class measures fid.class.NAME over one class; nil in other families.
	class func(m *measurement, name string, p subset) error
	// alone means that the family depends on samples alone, not on real images.
	alone bool
	// floor is what the floor of the family is measured on.
	floor floor
}

// families has every family that is measured in one pass over samples. cas, which
// trains a classifier, is apart: cas.go.
var families = []family{
	{names: []string{sweep.FamilyLabelAccuracy}, group: labelAccuracy, alone: true},
	{names: []string{sweep.FamilyDiversity}, group: diversity, alone: true},
	{names: []string{sweep.FamilyMemorisedRatio}, group: memorisedRatio, alone: true, floor: heldOutHalf},
	{names: []string{sweep.FamilyFID}, group: groupFID, class: fid, floor: wholeHalves},
	{names: []string{sweep.FamilyKID}, group: kid},
	{names: neighbourFamilies, group: neighbours},
}

// floor says which real images replace the samples, and which they are compared with.
type floor int

const (
	equalHalves floor = iota // at most as many images per class of each half as there are samples
	wholeHalves              // all images of both halves
	heldOutHalf              // the images of one half that were not trained on, against all
)

// subset is the images of a group or of a class.
type subset struct {
	group         string // "" for a class
	classes       []int
	real, samples view
}

// measurement compares samples with real images.
type measurement struct {
	groups   sweep.ClassGroups
	classes  []string
	training view                   // the training images; empty: memorised_ratio is left out
	wanted   func(name string) bool // nil: every metric
	samples  view                   // of the run

	nearTraining []bool             // of samples; memorised.go
	metrics      map[string]float64 // by name
	spread       map[string]float64 // standard deviations, of the metrics that have one
}

// run measures samples against real images, group by group and class by class.
func (m *measurement) run(real, samples view) error {
	if slices.ContainsFunc(samples.features, func(f float32) bool { return !sweep.IsFinite(float64(f)) }) {
		return errors.New("evaluate: the samples' features are not finite")
	}
	m.samples = samples
	for _, group := range sweep.MetricGroups() {
		classes := m.groups.Classes(group)
		p := subset{group: group, classes: classes, real: real.of(classes), samples: samples.of(classes)}
		for _, f := range families {
			wanted := slices.ContainsFunc(f.names, func(name string) bool { return m.wants(name + "." + group) })
			if !wanted || len(p.samples.labels) == 0 || len(p.real.labels) == 0 && !f.alone {
				continue
			}
			if err := f.group(m, p); err != nil {
				return fmt.Errorf("evaluate: group %s: %w", group, err)
			}
		}
	}
	for class, metric := range sweep.ClassMetrics(m.classes) {
		for _, f := range families {
			if f.class == nil || !m.wants(metric) {
				continue
			}
			only := []int{class}
			if err := f.class(m, metric, subset{classes: only, real: real.of(only), samples: samples.of(only)}); err != nil {
				return fmt.Errorf("evaluate: class %s: %w", m.classes[class], err)
			}
		}
	}
	return nil
}

func (m *measurement) wants(name string) bool { return m.wanted == nil || m.wanted(name) }

// ratio sets a metric to the share of the samples of classes for which match is true.
func (m *measurement) ratio(name string, labels, classes []int, match func(i int) bool) {
	count, matching := 0, 0
	for i, label := range labels {
		if slices.Contains(classes, label) {
			count++
			if match(i) {
				matching++
			}
		}
	}
	if count > 0 {
		m.metrics[name] = float64(matching) / float64(count)
	}
}

// familyOf is the part of a metric's name before its group.
func familyOf(name string) string {
	family, _, _ := strings.Cut(name, ".")
	return family
}

// hasFloor reports whether a metric's floor is measured on these images.
func hasFloor(name string, on floor) bool {
	return slices.ContainsFunc(families, func(f family) bool { return f.floor == on && slices.Contains(f.names, familyOf(name)) })
}
