package evaluate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// family measures one family of sweep.MetricFamilies, or several that are computed
// together: one file of this package.
type family struct {
	names []string
	// group measures them over a group of classes.
	group func(m *measurement, p subset) error
	// class measures fid.class.NAME over one class; nil in other families.
	class func(m *measurement, name string, p subset) error
	// alone means that the family depends on samples alone, not on real images, and that a
	// class of any number of real images takes part.
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
	counts   []int                  // real images of each class of the complete set
	training dataset.Images         // nil: memorised_ratio is left out
	pixels   int                    // values of an image
	wanted   func(name string) bool // nil: every metric

	real, samples view               // of the run
	nearTraining  []bool             // of samples; memorised.go
	manifolds     map[int]manifold   // by class; neighbours.go
	metrics       map[string]float64 // by name
	errors        map[string]float64 // standard errors by name; nil: they are not wanted
}

// run measures samples against real images, group by group and class by class.
func (m *measurement) run(real, samples view) error {
	if slices.ContainsFunc(samples.features, func(f float32) bool { return !sweep.IsFinite(float64(f)) }) {
		return errors.New("evaluate: the samples' features are not finite")
	}
	m.real, m.samples, m.manifolds = real, samples, map[int]manifold{}
	for _, group := range sweep.MetricGroups() {
		for _, f := range families {
			if wanted := slices.ContainsFunc(f.names, func(name string) bool { return m.wants(name + "." + group) }); !wanted {
				continue
			}
			p := m.subset(m.takePart(f, m.groups.Classes(group)))
			p.group = group
			if len(p.samples.labels) == 0 || len(p.real.labels) == 0 && !f.alone {
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
			if err := f.class(m, metric, m.subset([]int{class})); err != nil {
				return fmt.Errorf("evaluate: class %s: %w", m.classes[class], err)
			}
		}
	}
	return nil
}

// takePart returns the classes that have enough real images and samples for a family.
func (m *measurement) takePart(f family, classes []int) []int {
	if f.alone {
		return classes
	}
	samples := counts(m.samples.labels, len(m.classes))
	return slices.DeleteFunc(slices.Clone(classes), func(class int) bool {
		return !sweep.TakesPart(f.names[0], m.counts[class], samples[class])
	})
}

// subset returns the images of classes.
func (m *measurement) subset(classes []int) subset {
	return subset{classes: classes, real: m.real.of(classes), samples: m.samples.of(classes)}
}

// counts returns the number of labels of each class.
func counts(labels []int, classes int) []int {
	n := make([]int, classes)
	for _, label := range labels {
		n[label]++
	}
	return n
}

// set sets a metric and its standard error, if that is known.
func (m *measurement) set(name string, value, deviation float64) {
	m.metrics[name] = value
	if m.errors != nil && sweep.IsFinite(deviation) {
		m.errors[name] = deviation
	}
}

func (m *measurement) wants(name string) bool { return m.wanted == nil || m.wanted(name) }

// ratio sets a metric to the mean over classes of the share of a class's labels for which
// match is true.
func (m *measurement) ratio(name string, labels, classes []int, match func(i int) bool) {
	var matches []float64
	var own []int
	for i, label := range labels {
		if !slices.Contains(classes, label) {
			continue
		}
		own = append(own, label)
		matches = append(matches, 0)
		if match(i) {
			matches[len(matches)-1] = 1
		}
	}
	if len(own) > 0 {
		value, deviation := distance.Mean(matches, own)
		m.set(name, value, deviation)
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
