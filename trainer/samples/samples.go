package samples

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// Names in a checkpoint of a program, or in another folder of samples.
const (
	FolderName = checkpoint.SamplesDir
	ArrayName  = "samples.npz"

	imagesName = dataset.ImagesArray + ".npy"
	labelsName = dataset.LabelsArray + ".npy"
)

// Form is what the samples of a dataset have to be.
type Form struct {
	Size     int      // S
	Channels int      // K
	Classes  []string // names, by label
}

// FormOf returns the form of a dataset with classes of these names.
func FormOf(d sweep.Dataset, classes []string) Form {
	return Form{Size: d.Size, Channels: d.Channels(), Classes: classes}
}

// Set is samples, equally many of each class, class by class.
type Set struct {
	Path      string    // of the file or folder that they are from
	Images    []float32 // `[N, S, S, K]` in [-1, 1]
	Labels    []int     // `[N]`
	PerClass  int
	Available []int    // samples of each class that were there
	Notes     []string // what the reader of metrics has to know, a sentence each
}

// Source is samples at a path. Close it.
type Source struct {
	Path    string // of the file or folder that has them
	content content
	notes   []string
}

// content is a form in which samples are stored.
type content interface {
	// side returns the side of the first sample in pixels.
	side() (int, error)
	// labels returns the label of each sample.
	labels(classes []string) ([]int, error)
	// read calls use with the grey levels `[S, S, K]` of the samples of these indices, which
	// ascend: place is the index's place in them. grey reports that one was an RGB image
	// without colours.
	read(ctx context.Context, indices []int, f Form, use func(place int, levels []byte)) (grey bool, err error)
	close() error
}

// Open finds the samples at path: an .npz file; a folder of images by class; a folder with
// images.npy and labels.npy; or a checkpoint with samples.
func Open(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, readError(err)
	}
	if !info.IsDir() {
		if !strings.EqualFold(filepath.Ext(path), ".npz") {
			return nil, bad(path, "is no folder and no .npz file", "a folder of images by class, or arrays of NumPy in a file that ends in .npz")
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, readError(err)
		}
		return openNPZ(path)
	}
	var found []string
	for _, name := range []string{checkpoint.SamplesName, ArrayName, imagesName, FolderName} {
		switch _, err := os.Lstat(filepath.Join(path, name)); {
		case err == nil:
			found = append(found, name)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, readError(err)
		}
	}
	if len(found) > 1 {
		return nil, bad(path, "has samples in two forms: "+strings.Join(found, ", "), "one of them")
	}
	if len(found) == 0 {
		if _, err := os.Lstat(filepath.Join(path, checkpoint.ManifestName)); err == nil {
			return nil, bad(path, "is a checkpoint without samples", fmt.Sprintf("one with %s or %s", checkpoint.SamplesName, ArrayName))
		}
		return openFolder(path)
	}
	inside := filepath.Join(path, found[0])
	switch found[0] {
	case checkpoint.SamplesName:
		return openTar(inside)
	case ArrayName:
		return openNPZ(inside)
	case imagesName:
		return openNPY(path)
	}
	return openFolder(inside)
}

// Close closes the files.
func (s *Source) Close() error { return s.content.close() }

// Side returns the side of the first sample, in pixels.
func (s *Source) Side() (int, error) { return s.content.side() }

// Available returns how many samples of each class there are. A class without one is an
// error.
func (s *Source) Available(classes []string) ([]int, error) {
	labels, err := s.content.labels(classes)
	if err != nil {
		return nil, err
	}
	return available(s.Path, classes, labels)
}

func available(path string, classes []string, labels []int) ([]int, error) {
	counts := make([]int, len(classes))
	for _, label := range labels {
		counts[label]++
	}
	var empty []string
	for class, n := range counts {
		if n == 0 {
			empty = append(empty, classes[class])
		}
	}
	if len(empty) > 0 {
		return nil, bad(path, fmt.Sprintf("no sample of %d of %d classes: %s", len(empty), len(classes), text.List(empty, shownClasses)), "samples of every class")
	}
	return counts, nil
}

// Read reads perClass samples of each class.
func (s *Source) Read(ctx context.Context, f Form, perClass int) (*Set, error) {
	labels, err := s.content.labels(f.Classes)
	if err != nil {
		return nil, err
	}
	set := &Set{Path: s.Path, PerClass: perClass, Notes: slices.Clone(s.notes)}
	if set.Available, err = available(s.Path, f.Classes, labels); err != nil {
		return nil, err
	}
	if least := slices.Min(set.Available); least < perClass {
		return nil, sweep.Fail(sweep.FailBadData, &sweep.FieldError{
			Field: "evaluate.samples_per_class", Value: fmt.Sprint(perClass),
			Message: fmt.Sprintf("%s has %d samples of class %s", s.Path, least, f.Classes[slices.Index(set.Available, least)]),
			Valid:   fmt.Sprintf("at most %d, or more samples", least),
		})
	}
	if most := slices.Max(set.Available); most > perClass {
		set.Notes = append(set.Notes, fmt.Sprintf("the first %d samples of each class were used, of up to %d", perClass, most))
	}
	places := places(labels, len(f.Classes), perClass)
	indices := make([]int, 0, len(places))
	for i, place := range places {
		if place >= 0 {
			indices = append(indices, i)
		}
	}
	values := f.Size * f.Size * f.Channels
	set.Images = make([]float32, len(indices)*values)
	for class := range f.Classes {
		set.Labels = append(set.Labels, slices.Repeat([]int{class}, perClass)...)
	}
	grey, err := s.content.read(ctx, indices, f, func(k int, levels []byte) {
		copy(set.Images[places[indices[k]]*values:], dataset.Values(levels))
	})
	if grey {
		set.Notes = append(set.Notes, "RGB images without colours were read as grey")
	}
	return set, err
}

// places returns for each sample its place among the chosen ones, which are the first
// perClass of each class, class by class; -1 for others.
func places(labels []int, classes, perClass int) []int {
	seen, out := make([]int, classes), make([]int, len(labels))
	for i, label := range labels {
		out[i] = -1
		if seen[label] < perClass {
			out[i] = label*perClass + seen[label]
			seen[label]++
		}
	}
	return out
}

// shownClasses is how many classes an error lists.
const shownClasses = 20

// finder finds the class that a folder is for.
type finder struct {
	classes []string
	by      map[string]int
}

func newFinder(classes []string) finder {
	f := finder{classes, map[string]int{}}
	for class, folder := range dataset.ClassFolders(classes) { // as tailsweep itself writes them
		f.by[folder] = class
	}
	for class, name := range classes {
		f.by[name] = class
	}
	return f
}

// class returns the class of a folder: by its name, or else by its number.
func (f finder) class(folder string) (class int, ok bool) {
	if class, ok := f.by[folder]; ok {
		return class, true
	}
	return sweep.ClassNumber(folder, len(f.classes))
}

// bad is an error about a file or folder of samples.
func bad(where, message, valid string) error {
	return sweep.Fail(sweep.FailBadData, &sweep.FieldError{Field: text.Printable(where), Message: message, Valid: valid})
}

// readError classes an error of the file system: what is not there, or not what it should
// be, stays so.
func readError(err error) error {
	var failure *sweep.FailureError
	switch {
	case err == nil || errors.As(err, &failure):
		return err
	case errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return sweep.Fail(sweep.FailBadData, err)
	}
	return sweep.Fail(sweep.FailTransient, err)
}

// compareNames orders files of samples: by their paths, folder by folder.
func compareNames(a, b string) int {
	return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
}
