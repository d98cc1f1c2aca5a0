package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// OpenClassifier opens the classifier that label_accuracy is measured with for images of
// d, nil where there is none: see precheck.Classifier. A file that is missing, or made for
// other images, is bad data.
func OpenClassifier(b *backend.Backend, d sweep.Dataset, files *sweep.Features) (*features.Extractor, error) {
	images := features.Images{Size: d.Size, Channels: d.Channels()}
	var network features.Network
	if files != nil {
		var err error
		if network, err = precheck.Inspect(files, images); err != nil {
			return nil, precheck.BadData(err)
		}
	}
	field, path, ok := precheck.Classifier(d.Name, files, network)
	if !ok {
		return nil, nil
	}
	e, err := openNetwork(b, images, field, path)
	if err != nil {
		return nil, err
	}
	if err := precheck.Classes(field, e.Classes, d.Classes()); err != nil {
		e.Close()
		return nil, precheck.BadData(err)
	}
	return e, nil
}

// openNetwork opens the network of a file, which a field of the spec names, or the built-in
// one where path is "". A file that is missing, or made for other images, is bad data.
func openNetwork(b *backend.Backend, images features.Images, field, path string) (*features.Extractor, error) {
	if path == "" {
		e, err := features.Open(b, images.Size, extractBatch)
		if err != nil {
			return nil, precheck.BadData(err)
		}
		return e, nil
	}
	e, err := features.OpenFile(b, path, images, extractBatch)
	if err != nil {
		return nil, precheck.BadData(precheck.FileError(field, err))
	}
	return e, nil
}
