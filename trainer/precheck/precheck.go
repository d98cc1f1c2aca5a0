package precheck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// Trial returns an error of class bad_data if a trial of spec could not be evaluated,
// at its end or at a rung: the first of Faults. trained is what it trains on.
func Trial(spec *sweep.Spec, a sweep.Assignment, trained dataset.About) error {
	faults, err := Faults(spec, a, trained)
	if err == nil && len(faults) > 0 {
		err = BadData(&faults[0])
	}
	return err
}

// Faults returns every reason why a trial of spec could not be evaluated. The error is
// for files that cannot be read.
func Faults(spec *sweep.Spec, a sweep.Assignment, trained dataset.About) ([]sweep.FieldError, error) {
	facts, err := Facts(spec, trained)
	if err != nil {
		return nil, err
	}
	if _, err := spec.Settings(a); err != nil {
		return nil, BadData(err)
	}
	if spec.MeasuresCAS() {
		if facts.HeldOut, err = dataset.HeldOut(spec.Dataset); err != nil {
			return nil, err
		}
	}
	return spec.Unmeasurable(facts, a), nil
}

// Facts describes what trials of spec are evaluated with, without the images that are held
// out. trained is what they train on.
func Facts(spec *sweep.Spec, trained dataset.About) (sweep.Facts, error) {
	real, err := dataset.DescribeBalanced(spec.Dataset)
	if err != nil {
		return sweep.Facts{}, err
	}
	network, classifier, err := readNetworks(spec, len(trained.Classes))
	if err != nil {
		return sweep.Facts{}, BadData(err)
	}
	return sweep.Facts{Classes: trained.Classes, Groups: &trained.Groups, Real: real.Available, Dims: network.Dims, Classifier: classifier}, nil
}

// Here reports whether the images of an image folder are on this machine: those of a URL
// may not be downloaded yet. It does not look for the images of a published set.
func Here(spec *sweep.Spec) bool {
	d, err := dataset.Local(spec.Dataset)
	if err != nil {
		return true // Faults returns the error
	}
	files := []string{d.Path}
	if sweep.Remote(spec.Dataset.Reference) { // its place in the cache
		files = append(files, d.Reference)
	}
	return d.Name != sweep.ImageFolder || !slices.ContainsFunc(files, missing)
}

// Missing returns a fault for each path of the spec where this machine has nothing.
func Missing(spec *sweep.Spec) (faults []sweep.FieldError) {
	d, err := dataset.Local(spec.Dataset)
	if err != nil {
		return nil // Faults returns the error
	}
	for _, f := range spec.PathFields() {
		file := *f.Path
		if f.Within && !filepath.IsAbs(file) {
			if missing(d.Path) {
				continue // it is in a folder that is not there
			}
			file = filepath.Join(d.Path, filepath.FromSlash(file))
		}
		if !missing(file) {
			continue
		}
		valid := ""
		switch {
		case f.Field == sweep.FieldFeatures || f.Field == sweep.FieldClassifier:
			valid = validNetwork
		case !f.Within && d.Name == sweep.ImageFolder:
			valid = "a folder with a folder of images for each class, or an s3:// or https:// URL"
		}
		faults = append(faults, sweep.FieldError{Field: f.Field, Value: file, Message: "does not exist on this machine", Valid: valid})
	}
	return faults
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// validNetwork is what a field with the file of a network can have.
const validNetwork = "a file that `tailsweep features train` made, or Inception-v3"

// BadData classes an error that the spec's author has to fix.
func BadData(err error) error { return sweep.Fail(sweep.FailBadData, err) }

// readNetworks reads the headers of the networks that a trial is evaluated with. A spec without
// features of a dataset that has no classifier is refused by the check of the spec.
func readNetworks(spec *sweep.Spec, classes int) (n features.Network, classifier sweep.Known, err error) {
	d, files := spec.Dataset, spec.Evaluate.Features
	images := features.Images{Size: d.Size, Channels: d.Channels()}
	n = features.Network{Dims: features.Dims, Classes: classes}
	if files != nil {
		if n, err = Inspect(files, images); err != nil {
			return n, sweep.No, err
		}
	}
	field, path, ok := Classifier(d.Name, files, n)
	if !ok {
		return n, sweep.No, nil
	}
	own := n
	if field == sweep.FieldClassifier && path != "" {
		if own, err = features.Inspect(path, images); err != nil {
			return n, sweep.No, FileError(field, err)
		}
	}
	if path != "" {
		err = Classes(field, own.Classes, classes)
	}
	return n, sweep.Yes, err
}

// Classifier returns the file of the network that label_accuracy is measured with for images
// of a dataset, and the field of the spec that names it: the network n of evaluate.features
// where that is a classifier, else evaluate.features.classifier, else the built-in one, whose
// path is "". ok is false where there is none.
func Classifier(dataset string, files *sweep.Features, n features.Network) (field, path string, ok bool) {
	switch {
	case files == nil:
		return sweep.FieldFeatures, "", sweep.HasClassifier(dataset)
	case n.Classes > 0:
		return sweep.FieldFeatures, files.Path, true
	case files.Classifier != "":
		return sweep.FieldClassifier, files.Classifier, true
	}
	return sweep.FieldClassifier, "", sweep.HasClassifier(dataset)
}

// Inspect describes the network of evaluate.features. One with published weights needs no file
// for it, and is not a classifier of the dataset.
func Inspect(f *sweep.Features, images features.Images) (features.Network, error) {
	if f.Network != "" {
		return features.Network{Dims: f.LeastDims()}, nil
	}
	n, err := features.Inspect(f.Path, images)
	if err != nil {
		err = FileError(sweep.FieldFeatures, err)
	}
	return n, err
}

// Weights downloads the weights of a network that has a name, unless they are there, before
// anything is trained or sampled for nothing. Where that fails, the machine is at fault. log
// may be nil.
func Weights(ctx context.Context, f *sweep.Features, log func(format string, a ...any)) error {
	if f == nil || f.Network == "" {
		return nil
	}
	if _, err := features.Install(ctx, f.Network, features.InstallOptions{Log: log}); err != nil {
		return sweep.Fail(sweep.FailEnvironment, err)
	}
	return nil
}

// FileError turns an error of reading a network's file into one of its field.
func FileError(field string, err error) error {
	f := &sweep.FieldError{Field: field, Message: err.Error()}
	if errors.Is(err, fs.ErrNotExist) {
		f.Message += "; the file must be on the machine that trains"
		f.Valid = validNetwork
	}
	return f
}

// Classes returns an error unless a classifier distinguishes the classes of the dataset.
func Classes(field string, classifier, classes int) error {
	switch classifier {
	case classes:
		return nil
	case 0:
		return &sweep.FieldError{Field: field, Message: "Inception-v3 is not a classifier of this dataset", Valid: "a file that `tailsweep features train` made"}
	}
	return &sweep.FieldError{Field: field, Message: fmt.Sprintf("a classifier of %d classes, and the dataset has %d", classifier, classes)}
}
