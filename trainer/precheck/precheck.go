package precheck

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// Trial returns an error of class bad_data where a trial of spec could not be
// judged, at its end or at a rung. trained is what it trains on.
func Trial(spec *sweep.Spec, a sweep.Assignment, trained dataset.About) error {
	real, err := dataset.DescribeBalanced(spec.Dataset)
	if err != nil {
		return err
	}
	network, classified, err := look(spec, len(trained.Classes))
	if err != nil {
		return BadData(err)
	}
	if err := checkNames(spec, classified, trained.Classes); err != nil {
		return BadData(err)
	}
	judged := []sweep.Spec{*spec}
	if spec.EarlyTerminate != nil {
		judged = append(judged, spec.AtRung())
	}
	for _, s := range judged {
		settings, err := s.Settings(a)
		if err != nil {
			return BadData(err)
		}
		for _, name := range s.NamedMetrics() {
			f := FID{
				Metric: name, Classes: ClassesOf(name, trained), Samples: s.Evaluate.SamplesPerClass, Available: real.Available,
				Dims: network.Dims, Scales: len(settings.Guidance), Reference: s.Dataset.Reference != "",
			}
			if err := f.Enough(); err != nil {
				return BadData(err)
			}
		}
	}
	return nil
}

// BadData classes an error that the spec's author has to mend.
func BadData(err error) error { return sweep.Fail(sweep.FailBadData, err) }

// look looks at the networks that a trial is judged with. A spec without features
// of a dataset that has no classifier is refused by the spec's own check.
func look(spec *sweep.Spec, classes int) (n features.Network, classified bool, err error) {
	d, files := spec.Dataset, spec.Evaluate.Features
	images := features.Images{Size: d.Size, Channels: d.Channels()}
	if files == nil {
		return features.Network{Dims: features.Dims, Classes: classes}, sweep.HasClassifier(d.Name), nil
	}
	if n, err = features.Look(files.Path, images); err != nil {
		return n, false, OfFile(FieldPath, err)
	}
	field, classifier := FieldPath, n
	if n.Classes == 0 {
		if files.Classifier == "" {
			return n, sweep.HasClassifier(d.Name), nil
		}
		field = FieldClassifier
		if classifier, err = features.Look(files.Classifier, images); err != nil {
			return n, false, OfFile(field, err)
		}
	}
	return n, true, Classes(field, classifier.Classes, classes)
}

// The fields that name files of networks.
const (
	FieldPath       = "evaluate.features.path"
	FieldClassifier = "evaluate.features.classifier"
)

// OfFile has an error of reading a network's file name its field.
func OfFile(field string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w; it is looked for on the machine that trains (valid: a file that `tailsweep features train` made, or Inception-v3)", field, err)
	}
	return fmt.Errorf("%s: %w", field, err)
}

// Classes returns an error unless a classifier tells the classes of the dataset apart.
func Classes(field string, classifier, classes int) error {
	switch classifier {
	case classes:
		return nil
	case 0:
		return fmt.Errorf("%s: Inception-v3 is no classifier of the dataset (valid: a file that `tailsweep features train` made)", field)
	}
	return fmt.Errorf("%s: a classifier of %d classes, and the dataset has %d", field, classifier, classes)
}

// checkNames holds that the metrics that a spec names exist: a class by its name,
// and label_accuracy with a classifier.
func checkNames(spec *sweep.Spec, classified bool, classes []string) error {
	names := spec.NamedMetrics()
	for _, name := range names {
		if err := Class(name, classes); err != nil {
			return err
		}
	}
	if spec.Gates != nil && spec.Gates.MinLabelAccuracy != nil {
		names = append(names, sweep.FamilyLabelAccuracy+"."+sweep.GroupAll)
	}
	if i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, sweep.FamilyLabelAccuracy+".") }); i >= 0 && !classified {
		return NoClassifier(names[i])
	}
	return nil
}

// NoClassifier is the error of a metric that needs a classifier where there is none.
func NoClassifier(metric string) error {
	return fmt.Errorf("%s: missing, and %s needs a classifier (valid: a file that `tailsweep features train` made)", FieldClassifier, metric)
}

// Class returns an error where a metric is the FID of a class that is none of these.
func Class(metric string, classes []string) error {
	if !strings.HasPrefix(metric, sweep.FIDClass) {
		return nil
	}
	var valid []string
	for _, class := range classes {
		valid = append(valid, sweep.ClassMetric(class))
	}
	if slices.Contains(valid, metric) {
		return nil
	}
	return fmt.Errorf("metrics: %s is of no class of the dataset (valid: %v)", metric, valid)
}

// ClassesOf are the classes that a FID is taken over, and none of another metric.
func ClassesOf(metric string, trained dataset.About) []int {
	if strings.HasPrefix(metric, sweep.FIDClass) {
		if i := slices.IndexFunc(trained.Classes, func(class string) bool { return sweep.ClassMetric(class) == metric }); i >= 0 {
			return []int{i}
		}
		return nil
	}
	if group, ok := strings.CutPrefix(metric, sweep.FamilyFID+"."); ok {
		return trained.Groups.Classes(group)
	}
	return nil
}
