package trainer

import (
	"encoding/json"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// classes is the part of a model's metadata about its classes. Sampling must not need
// the dataset's files, and for an image folder nothing else has the names.
type classes struct {
	Names  []string `json:"names"`  // `[C]`
	Counts []int    `json:"counts"` // `[C]`, images of each class that it was trained on
}

// readClasses reads the classes of a model of n classes; nil where the metadata has
// none.
func readClasses(metadata map[string]string, n int) (*classes, error) {
	text, ok := metadata[checkpoint.MetaClasses]
	if !ok {
		return nil, nil
	}
	var c classes
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, err
	}
	if len(c.Names) != n || len(c.Counts) != n {
		return nil, fmt.Errorf("%d names and %d counts of %d classes", len(c.Names), len(c.Counts), n)
	}
	for class, count := range c.Counts {
		if count < 0 {
			return nil, fmt.Errorf("%d images of class %d", count, class)
		}
	}
	return &c, nil
}

// Classes describes the classes that the model was trained on: their names, the number
// of training images of each (Available stays nil), and the groups. For an untrained
// model, and for one without this metadata, it reads the files of the dataset.
func (m *Model) Classes() (dataset.About, error) {
	if m.classes == nil {
		return dataset.Describe(m.Spec.Dataset)
	}
	groups, err := m.Spec.Dataset.ClassGroups(m.classes.Names, m.classes.Counts)
	if err != nil {
		return dataset.About{}, failure(sweep.FailBadData, err)
	}
	return dataset.About{Classes: m.classes.Names, Counts: m.classes.Counts, Groups: groups}, nil
}
