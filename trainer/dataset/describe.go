package dataset

import "github.com/tailsweep/tailsweep/sweep"

// About is what training sees of a dataset, without its images.
type About struct {
	Classes   []string // `[C]`, names
	Available []int    // `[C]`, images of each class before the split
	Counts    []int    // `[C]`, images of each class that are trained on
	Groups    sweep.ClassGroups
}

// Describe tells of a dataset without reading its images: of an image folder it
// lists the files, of the published sets it touches nothing.
func Describe(d sweep.Dataset) (About, error) {
	if err := check(d); err != nil {
		return About{}, err
	}
	d, err := Local(d)
	if err != nil {
		return About{}, err
	}
	var a About
	switch info, _ := sweep.LookupDataset(d.Name); d.Name {
	case sweep.ImageFolder:
		l, err := list(d)
		if err != nil {
			return About{}, err
		}
		a.Classes = l.classes
		a.Available = lengths((&source{classes: l.classes, labels: l.labels}).byClass())
	case sweep.CIFAR10:
		a.Classes, a.Available = cifar10.classes, equal(info)
	case sweep.CIFAR100:
		a.Classes, a.Available = cifar100.classes, equal(info)
	default:
		a.Classes, a.Available = fashionClasses, equal(info)
	}
	if a.Counts, err = kept(d.Imbalance, a.Classes, a.Available); err != nil {
		return About{}, err
	}
	a.Groups = sweep.Groups(d.Imbalance.Profile, a.Counts)
	return a, nil
}

func equal(info sweep.DatasetInfo) []int {
	n := make([]int, info.Classes)
	for i := range n {
		n[i] = info.PerClass
	}
	return n
}
