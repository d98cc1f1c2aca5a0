package trainer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// resume restores the run from a checkpoint folder, after verifying the folder and
// that it belongs to this training.
func (r *run) resume(dir string) error {
	manifest, err := checkpoint.Verify(dir)
	if err != nil {
		return err
	}
	s, metadata, err := restore(r.store, dir)
	if err != nil {
		return err
	}
	if err := r.checkSameTraining(metadata); err != nil {
		return err
	}
	if theirs, mine := manifest.Provenance.DatasetDigest, r.data.Digest(); theirs != mine {
		return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: its images have sha256 %s, those of this dataset %s", theirs, mine))
	}
	if made := manifest.Provenance.Backend; made != r.backend.Choice {
		r.options.Log("the checkpoint was made on backend %s and this is %s: the result differs in its last bits from a training on one backend", made, r.backend.Choice)
	}
	if s.Step != manifest.Step {
		return fmt.Errorf("%w: state of step %d in a checkpoint of step %d", checkpoint.ErrCorrupt, s.Step, manifest.Step)
	}
	if s.Step > r.settings.Steps {
		return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of step %d and train.steps is %d: resume from an earlier one, or raise train.steps", s.Step, r.settings.Steps))
	}
	data, err := os.ReadFile(filepath.Join(dir, checkpoint.CurveName))
	if err != nil {
		return err
	}
	if r.curve, err = jsonl.DecodeAll[sweep.CurvePoint](bytes.NewReader(data), len(data)); err != nil {
		return fmt.Errorf("%s: %w: %w", checkpoint.CurveName, checkpoint.ErrCorrupt, err)
	}
	r.step, r.saved, r.window = s.Step, s.Step, s.Window
	return nil
}

// checkSameTraining checks that a checkpoint was made by the training that resumes
// from it. Only the number of steps may differ.
func (r *run) checkSameTraining(metadata map[string]string) error {
	var spec sweep.Spec
	var a sweep.Assignment
	for key, value := range map[string]any{checkpoint.MetaSpec: &spec, checkpoint.MetaAssignment: &a} {
		if err := json.Unmarshal([]byte(metadata[key]), value); err != nil {
			return fmt.Errorf("%w: metadata %s: %w", checkpoint.ErrCorrupt, key, err)
		}
	}
	mine := r.job.Spec
	mine.Train.Steps, spec.Train.Steps = 0, 0
	for _, d := range []*sweep.Dataset{&mine.Dataset, &spec.Dataset} { // paths may differ: resume compares the digest of the images
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
		differences, err := fieldDifferences(field.name, field.theirs, field.mine)
		if err != nil {
			return err
		}
		if len(differences) > 0 {
			return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: %s", strings.Join(differences, ", ")))
		}
	}
	return nil
}

// orEmpty makes nil, which JSON writes as null, equal to no parameters.
func orEmpty(p sweep.Params) sweep.Params {
	if p == nil {
		return sweep.Params{}
	}
	return p
}

// fieldDifferences lists the JSON fields in which two values differ, by name:
// "train.batch is 64 there, 32 here".
func fieldDifferences(name string, theirs, mine any) ([]string, error) {
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

// leaves returns the fields of a value that are not objects, by their dotted names.
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
