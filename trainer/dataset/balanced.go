package dataset

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// Balanced reads what generated images are compared with: the unsubsampled set of
// which Load(d) keeps a part, or, of an image folder with a reference, that.
func Balanced(d sweep.Dataset) (*Set, error) { return Loader{}.Balanced(d) }

// Balanced is the package's Balanced, which says how far it is.
func (l Loader) Balanced(d sweep.Dataset) (*Set, error) {
	if _, err := DescribeBalanced(d); err != nil { // before minutes of decoding
		return nil, err
	}
	s, err := l.Load(balanced(d))
	return s, ofReference(d, err)
}

// DescribeBalanced tells of what Balanced reads, without reading the images: see
// Describe.
func DescribeBalanced(d sweep.Dataset) (About, error) {
	real, err := Describe(balanced(d))
	if err != nil || d.Reference == "" {
		return real, ofReference(d, err)
	}
	about, err := Describe(d)
	if err != nil {
		return About{}, err
	}
	for class, name := range about.Classes {
		if other := real.Classes[class]; other != name && !numbered(name, class) && !numbered(other, class) {
			return About{}, badData(fmt.Errorf("dataset.reference: class %d is %q, and in dataset.path %q", class, other, name))
		}
	}
	return real, nil
}

// balanced is the dataset that Balanced loads, with all its images.
func balanced(d sweep.Dataset) sweep.Dataset {
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileNone}
	switch {
	case d.Reference == "":
	case isSplitFile(d.Reference):
		d.SplitFile = d.Reference
	default:
		d.Path, d.SplitFile = d.Reference, ""
	}
	d.Reference = ""
	return d
}

// ofReference has the error of loading d's reference, if it has one, name the field
// that it comes from.
func ofReference(d sweep.Dataset, err error) error {
	var failure *sweep.FailureError
	if d.Reference == "" || !errors.As(err, &failure) {
		return err
	}
	message := failure.Message
	for _, field := range []string{"dataset.path: ", "dataset.split: "} {
		message = strings.TrimPrefix(message, field)
	}
	return &sweep.FailureError{Failure: sweep.Failure{Class: failure.Class, Message: "dataset.reference: " + message}, Err: err}
}
