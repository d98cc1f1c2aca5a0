package dataset

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
)

// Published is where a set's publisher has its files.
type Published struct {
	URL   string // of the folder; ends with a slash
	Files []Pin  // SHA256 "" where distributors pack anew: Verify looks inside; Size is then only a bound
}

// PublishedSet returns what is known of a set that can be downloaded from its
// publisher.
func PublishedSet(name string) (p Published, ok bool) {
	switch name {
	case sweep.FashionMNIST:
		return Published{
			URL: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
			Files: []Pin{
				{Name: fashionTrain.images.name, Size: fashionTrain.images.size},
				{Name: fashionTrain.labels.name, Size: fashionTrain.labels.size},
			},
		}, true
	case sweep.CIFAR10:
		return Published{URL: "https://www.cs.toronto.edu/~kriz/", Files: []Pin{cifar10.archive}}, true
	case sweep.CIFAR100:
		return Published{URL: "https://www.cs.toronto.edu/~kriz/", Files: []Pin{cifar100.archive}}, true
	}
	return Published{}, false
}

// Verify reads all files of a published set in dir and compares their digests.
func Verify(name, dir string) error {
	if _, ok := PublishedSet(name); !ok {
		return badData(errors.New("dataset.name: " + name + " is no published set"))
	}
	_, err := openSource(sweep.Dataset{Name: name, Path: dir})
	return err
}
