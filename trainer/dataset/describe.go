package dataset

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// About is what training sees of a dataset, without its images.
type About struct {
	Classes   []string // `[C]`, names
	Available []int    // `[C]`, images of each class before the split
	Counts    []int    // `[C]`, images of each class that are trained on
	Groups    sweep.ClassGroups
	LeftOut   []LeftOut // of an image folder
}

// Describe describes a dataset without reading its images: for an image folder it lists
// the files, for a published set it opens no file.
func Describe(d sweep.Dataset) (About, error) {
	if err := check(d); err != nil {
		return About{}, err
	}
	d, err := Local(d)
	if err != nil {
		return About{}, err
	}
	if list := readers()[d.Name].list; list != nil {
		l, err := list(d)
		if err != nil {
			return About{}, err
		}
		a, err := describe(d, l.classes, l.labels)
		a.LeftOut = l.leftOut
		return a, err
	}
	info, _ := sweep.LookupDataset(d.Name)
	return split(d, info.Classes, slices.Repeat([]int{info.PerClass}, len(info.Classes)))
}

// describe describes a dataset with these names of classes and labels of images.
func describe(d sweep.Dataset, classes []string, labels []int) (About, error) {
	available := make([]int, len(classes))
	for _, label := range labels {
		available[label]++
	}
	return split(d, classes, available)
}

// split describes the long-tailed split of a dataset that has available images of each
// class.
func split(d sweep.Dataset, classes []string, available []int) (a About, err error) {
	a = About{Classes: classes, Available: available}
	if a.Counts, err = kept(d.Imbalance, classes, available); err != nil {
		return About{}, err
	}
	if a.Groups, err = d.ClassGroups(classes, a.Counts); err != nil {
		return About{}, badData(err)
	}
	return a, nil
}
