package dataset

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
)

// Balanced reads what generated images are compared with: the reference of an image
// folder that has one, otherwise the complete set, of which Load(d) keeps a part.
func Balanced(d sweep.Dataset) (*Set, error) { return Loader{}.Balanced(d) }

// Balanced is the package's Balanced, which reports its progress.
func (l Loader) Balanced(d sweep.Dataset) (*Set, error) {
	if _, err := DescribeBalanced(d); err != nil { // before minutes of decoding
		return nil, err
	}
	s, err := l.Load(balanced(d))
	return s, ofReference(d, err)
}

// Unseen reads the images of which a classifier is tested on those that are not trained on: of
// fashion-mnist its 10,000 test images, which the built-in classifier has not seen either,
// otherwise Balanced.
func (l Loader) Unseen(d sweep.Dataset) (*Set, error) {
	if d.Name == sweep.FashionMNIST {
		d = sweep.Dataset{Name: sweep.FashionMNIST10k, Size: d.Size}
	}
	return l.Balanced(d)
}

// DescribeBalanced describes what Balanced reads, without reading the images: see
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
			return About{}, badField("dataset.reference", "class %d is %q, and in dataset.path %q", class, other, name)
		}
	}
	return real, nil
}

// balanced is the dataset that Balanced loads, with all its images.
func balanced(d sweep.Dataset) sweep.Dataset {
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileNone}
	switch {
	case d.Reference == "":
	case sweep.IsSplitFile(d.Reference):
		d.SplitFile = d.Reference
	default:
		d.Path, d.SplitFile = d.Reference, ""
	}
	d.Reference = ""
	return d
}

// ofReference moves an error of loading d's reference to the field that it comes from.
func ofReference(d sweep.Dataset, err error) error {
	var field *sweep.FieldError
	var failure *sweep.FailureError
	switch {
	case d.Reference == "" || !errors.As(err, &failure):
		return err
	case errors.As(err, &field):
		moved := *field
		if field.Field != "dataset.path" && field.Field != "dataset.split" {
			moved.Message = field.Field + ": " + field.Message
		}
		moved.Field, moved.Err = "dataset.reference", err
		return sweep.Fail(failure.Class, &moved)
	}
	return sweep.Fail(failure.Class, &sweep.FieldError{Field: "dataset.reference", Message: failure.Message, Err: err})
}
