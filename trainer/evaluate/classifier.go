package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/features"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// OpenClassifier opens the classifier that label_accuracy is measured with for images of
// d, nil where there is none: of files, or else the built-in one. A file that is
// missing, or made for other images, is bad data.
func OpenClassifier(b *backend.Backend, d sweep.Dataset, files *sweep.Features) (*features.Extractor, error) {
	images := features.Images{Size: d.Size, Channels: d.Channels()}
	field, path := sweep.FieldFeatures, ""
	if files != nil {
		path = files.Path
		network, err := features.Inspect(path, images)
		if err != nil {
			return nil, precheck.BadData(precheck.FileError(field, err))
		}
		if network.Classes == 0 {
			field, path = sweep.FieldClassifier, files.Classifier
		}
	}
	if path == "" {
		if !sweep.HasClassifier(d.Name) {
			return nil, nil
		}
		return features.Open(b, d.Size, extractBatch)
	}
	e, err := features.OpenFile(b, path, images, extractBatch)
	if err != nil {
		return nil, precheck.BadData(precheck.FileError(field, err))
	}
	if err := precheck.Classes(field, e.Classes, d.Classes()); err != nil {
		e.Close()
		return nil, precheck.BadData(err)
	}
	return e, nil
}
