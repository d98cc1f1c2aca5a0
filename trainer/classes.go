package trainer

import (
	"encoding/json"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// classes is what a model's metadata says of its classes: of an image folder only the
// files tell, and who samples need not have them.
type classes struct {
	Names  []string `json:"names"`  // `[C]`
	Counts []int    `json:"counts"` // `[C]`, images of each class that it was trained on
}

// readClasses returns those of a model of n classes, nil where the metadata has none.
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

// Classes tells what the model was trained on: the names of the classes, the images of
// each (Available stays nil), and the groups. Of an untrained model, and of one whose
// weights do not say, the files of its dataset tell, if they are here.
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
