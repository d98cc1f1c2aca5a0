package dataset

import "github.com/tailsweep/tailsweep/sweep"

// Files returns the paths of the images of Load(d), in the same order; nil for a set
// whose images are not files of their own.
func Files(d sweep.Dataset) ([]string, error) {
	d, err := Local(d)
	if err != nil {
		return nil, err
	}
	list := readers()[d.Name].list
	if list == nil {
		return nil, nil
	}
	l, err := list(d)
	if err != nil {
		return nil, err
	}
	about, err := describe(d, l.classes, l.labels)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, i := range chosen(d.Imbalance.Seed, l.labels, about.Counts) {
		paths = append(paths, l.path(d, i))
	}
	return paths, nil
}
