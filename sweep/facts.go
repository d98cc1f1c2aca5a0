package sweep

import (
	"fmt"
	"slices"
	"strings"
)

// Facts describe the images and networks that trials are evaluated with, as far as they
// are known: from the spec alone (Dataset.Facts), or from the files, too (package
// trainer/precheck).
type Facts struct {
	Classes    []string     // `[C]`, names; nil: not known
	Groups     *ClassGroups // nil: not known
	Real       []int        // `[C]`, real images of each class that samples are compared with; nil: not known
	HeldOut    []int        // `[C]`, at least so many of Real are not trained on; nil: not known
	Dims       int          // at least so many features
	Classifier Known        // whether there is a classifier of the dataset's classes
}

// Known is an answer: yes, no, or not known.
type Known int

// The values of Known.
const (
	Unknown Known = iota
	Yes
	No
)

// Facts returns what the spec alone says about d. For an image folder the groups, if not
// nil, have the right sizes, but not the right classes, which depend on the files.
func (d Dataset) Facts() Facts {
	info, _ := LookupDataset(d.Name)
	f := Facts{Classes: info.Classes, Dims: FeatureDims}
	if info.PerClass > 0 {
		counts := Counts(d.Imbalance, len(info.Classes), info.PerClass)
		f.Real, f.HeldOut = slices.Repeat([]int{info.PerClass}, len(counts)), make([]int, len(counts))
		for class, n := range counts {
			f.HeldOut[class] = info.PerClass - n
		}
		if groups, err := d.ClassGroups(info.Classes, counts); err == nil {
			f.Groups = &groups
		}
		return f
	}
	classes := d.Classes()
	if d.Imbalance.Profile == ProfileNone && d.Reference == "" {
		f.HeldOut = make([]int, classes)
	}
	switch by := d.Groups; {
	case by == nil || by.By == GroupsByThirds:
		const many = 1 << 20 // images of each class, enough for smaller classes with profile step and any factor below 1
		groups := thirds(d.Imbalance.Profile, d.Imbalance.order(classes), Counts(d.Imbalance, classes, many))
		f.Groups = &groups
	case by.By == GroupsByNames && len(by.Head)+len(by.Medium)+len(by.Tail) <= classes:
		order := d.Imbalance.order(classes)
		tail := classes - len(by.Tail)
		f.Groups = &ClassGroups{Head: order[:len(by.Head)], Medium: order[len(by.Head):tail], Tail: order[tail:]}
	}
	return f
}

// RequiredMetric is a metric that each trial must have, and the field of the spec that
// requires it.
type RequiredMetric struct{ Metric, Field string }

// RequiredMetrics lists the metrics that the objectives, the constraints, the gates and
// evaluate.cas ask for, each once.
func (s *Spec) RequiredMetrics() []RequiredMetric {
	var all []RequiredMetric
	add := func(metric, field string) {
		if metric != "" && !slices.ContainsFunc(all, func(m RequiredMetric) bool { return m.Metric == metric }) {
			all = append(all, RequiredMetric{metric, field})
		}
	}
	for i, o := range s.Metrics {
		add(o.Name, fmt.Sprintf("metrics[%d].name", i))
	}
	for i, c := range s.Constraints {
		add(c.Metric, fmt.Sprintf("constraints[%d]", i))
		add(c.Baseline, fmt.Sprintf("constraints[%d]", i))
	}
	if s.Gates != nil && s.Gates.MinLabelAccuracy != nil {
		add(FamilyLabelAccuracy+"."+GroupAll, "gates.min_label_accuracy")
	}
	if s.Gates != nil && s.Gates.MaxMemorisedRatio != nil {
		add(FamilyMemorisedRatio+"."+GroupAll, "gates.max_memorised_ratio")
	}
	if s.Evaluate.CAS {
		add(FamilyCAS+"."+GroupAll, "evaluate.cas")
	}
	return all
}

// GuidanceObjective is the objective by which a guidance scale is chosen: the first that an
// evaluation measures without training a classifier, otherwise the FID over all classes.
func (s *Spec) GuidanceObjective() Objective {
	for _, o := range s.Metrics {
		if Evaluated(o.Name) && !strings.HasPrefix(o.Name, FamilyCAS+".") {
			return o
		}
	}
	return Objective{Name: FamilyFID + "." + GroupAll, Goal: Minimize}
}
