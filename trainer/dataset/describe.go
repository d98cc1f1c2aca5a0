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

// Describe describes a dataset without reading its images: of an image folder it lists
// the files, of the published sets it opens none.
func Describe(d sweep.Dataset) (About, error) {
	if err := check(d); err != nil {
		return About{}, err
	}
	d, err := Local(d)
	if err != nil {
		return About{}, err
	}
	var a About
	if list := readerOf(d.Name).list; list != nil {
		l, err := list(d)
		if err != nil {
			return About{}, err
		}
		a.Classes, a.LeftOut = l.classes, l.leftOut
		a.Available = lengths(byClass(l.labels, len(l.classes)))
	} else {
		info, _ := sweep.LookupDataset(d.Name)
		a.Classes, a.Available = readerOf(d.Name).classes, slices.Repeat([]int{info.PerClass}, info.Classes)
	}
	if a.Counts, err = kept(d.Imbalance, a.Classes, a.Available); err != nil {
		return About{}, err
	}
	a.Groups = sweep.Groups(d.Imbalance.Profile, a.Counts)
	return a, nil
}
