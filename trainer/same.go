package trainer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// sameTraining checks that a checkpoint was made by the training that resumes from
// it; only the number of steps may differ.
func (r *run) sameTraining(metadata map[string]string) error {
	var spec sweep.Spec
	var a sweep.Assignment
	for key, value := range map[string]any{checkpoint.MetaSpec: &spec, checkpoint.MetaAssignment: &a} {
		if err := json.Unmarshal([]byte(metadata[key]), value); err != nil {
			return fmt.Errorf("%w: metadata %s: %w", checkpoint.ErrCorrupt, key, err)
		}
	}
	mine := r.job.Spec
	mine.Train.Steps, spec.Train.Steps = 0, 0
	for _, d := range []*sweep.Dataset{&mine.Dataset, &spec.Dataset} { // where files lie, and what they are judged against; the digest is compared besides
		d.Path, d.SplitFile, d.Reference = "", "", ""
	}
	for _, field := range []struct {
		name         string
		theirs, mine any
	}{
		{"dataset", spec.Dataset, mine.Dataset},
		{"model", spec.Model, mine.Model},
		{"train", spec.Train, mine.Train},
		{"parameters", orEmpty(a.Params), orEmpty(r.job.Assignment.Params)},
		{"seed", a.Seed, r.job.Assignment.Seed},
	} {
		differences, err := compare(field.name, field.theirs, field.mine)
		if err != nil {
			return err
		}
		if len(differences) > 0 {
			return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: %s", strings.Join(differences, ", ")))
		}
	}
	return nil
}

// orEmpty lets no parameters, written as null, equal an empty object.
func orEmpty(p sweep.Params) sweep.Params {
	if p == nil {
		return sweep.Params{}
	}
	return p
}

// compare lists by name, as JSON has them, the fields in which two values differ:
// "train.batch_size is 64 there, 32 here".
func compare(name string, theirs, mine any) ([]string, error) {
	there, err := leaves(name, theirs)
	if err != nil {
		return nil, err
	}
	here, err := leaves(name, mine)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(there)
	maps.Copy(all, here)
	word := func(value any, ok bool) string {
		if !ok {
			return "not given"
		}
		text, _ := json.Marshal(value) // it came from JSON
		return string(text)
	}
	var differences []string
	for _, field := range slices.Sorted(maps.Keys(all)) {
		t, isThere := there[field]
		m, isHere := here[field]
		if isThere != isHere || !reflect.DeepEqual(t, m) {
			differences = append(differences, fmt.Sprintf("%s is %s there, %s here", field, word(t, isThere), word(m, isHere)))
		}
	}
	return differences, nil
}

// leaves are the fields of a value that are no objects, by their names with dots.
func leaves(name string, value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a seed has more digits than a float64
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	found := map[string]any{}
	var walk func(name string, tree any)
	walk = func(name string, tree any) {
		fields, ok := tree.(map[string]any)
		if !ok {
			found[name] = tree
			return
		}
		for key, field := range fields {
			walk(name+"."+key, field)
		}
	}
	walk(name, tree)
	return found, nil
}
