package dataset

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
)

// reader reads a dataset of sweep.DatasetList from files.
type reader struct {
	open      func(d sweep.Dataset) (*source, error) // d has passed check, and its paths are local
	list      func(d sweep.Dataset) (listing, error) // nil: sweep.DatasetInfo knows the classes and their sizes
	published Published                              // zero: no publisher
	hint      string                                 // where its files come from, for an error
}

// readers returns the table of readers, by name of the dataset: a new dataset is a row here
// and in sweep.DatasetList, and a file with its reader.
func readers() map[string]reader {
	return map[string]reader{
		sweep.FashionMNIST10k: {open: fashionTest.open},
		sweep.FashionMNIST: {
			open: fashionTrain.open, published: fashionTrain.published(),
			hint: "`tailsweep data pull fashion-mnist` downloads the files, and Debian's package dataset-fashion-mnist has them",
		},
		sweep.CIFAR10:  {open: cifar10.open, published: cifar10.published(), hint: "`tailsweep data pull cifar-10` downloads the archive"},
		sweep.CIFAR100: {open: cifar100.open, published: cifar100.published(), hint: "`tailsweep data pull cifar-100` downloads the archive"},
		sweep.ImageFolder: {
			open: openFolder, list: list,
			hint: "the files must be on the machine that trains (valid: a folder with a folder of images for each class, or an s3:// or https:// URL)",
		},
	}
}

// Pin is a published file.
type Pin struct {
	Name   string
	Size   int64  // bytes
	SHA256 string // in hexadecimal
}

// Published is where a set's publisher has its files.
type Published struct {
	URL   string // of the folder; ends with a slash
	Files []Pin  // SHA256 is "" where distributors compress a file again: Verify compares the content, and Size is only a bound
}

// PublishedSet returns what is known of a set that can be downloaded from its
// publisher.
func PublishedSet(name string) (p Published, ok bool) {
	if _, known := sweep.LookupDataset(name); !known {
		return p, false
	}
	p = readers()[name].published
	return p, p.URL != ""
}

// Verify reads all files of a published set in dir and compares their digests.
func Verify(name, dir string) error {
	if _, ok := PublishedSet(name); !ok {
		return badData(errors.New("dataset.name: " + name + " has no publisher"))
	}
	_, err := readers()[name].open(sweep.Dataset{Name: name, Path: dir})
	return err
}
