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
	mine, err := r.data.Digest()
	if err != nil {
		return err
	}
	if theirs := manifest.Provenance.DatasetDigest; theirs != mine {
		return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: its images have sha256 %s, those of this dataset %s", theirs, mine))
	}
	if made := manifest.Provenance.Backend; made != r.backend.Choice {
		r.options.Log("the checkpoint was made on backend %s and this is %s: the result is not that of a training on one backend: the two round differently, and their losses drift apart", made, r.backend.Choice)
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
	spec, a, err := readMetadata(metadata)
	if err != nil {
		return err
	}
	differences, err := fieldDifferences(identityOf(spec, a), identityOf(r.job.Spec, r.job.Assignment))
	if len(differences) > 0 {
		err = failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: %s", strings.Join(differences, ", ")))
	}
	return err
}

// identity is what is equal in a checkpoint and in the training that resumes from it.
type identity struct {
	Dataset    sweep.Dataset `json:"dataset"`
	Model      sweep.Model   `json:"model"`
	Train      sweep.Train   `json:"train"`
	Parameters sweep.Params  `json:"parameters,omitempty"`
	Seed       int64         `json:"seed"`
}

func identityOf(s sweep.Spec, a sweep.Assignment) identity {
	s.Train.Steps = 0
	s.Dataset.Path, s.Dataset.SplitFile, s.Dataset.Reference = "", "", "" // resume compares the digest of the images
	return identity{s.Dataset, s.Model, s.Train, a.Params, a.Seed}
}

// fieldDifferences lists the JSON fields in which two structs differ, by name:
// "train.batch is 64 there, 32 here".
func fieldDifferences(theirs, mine any) ([]string, error) {
	there, err := leaves(theirs)
	if err != nil {
		return nil, err
	}
	here, err := leaves(mine)
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

// leaves returns the fields of a struct that are not objects, by their dotted names.
func leaves(value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a seed has more digits than a float64
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	found := map[string]any{}
	var walk func(prefix string, fields map[string]any)
	walk = func(prefix string, fields map[string]any) {
		for key, field := range fields {
			if inner, ok := field.(map[string]any); ok {
				walk(prefix+key+".", inner)
			} else {
				found[prefix+key] = field
			}
		}
	}
	walk("", tree)
	return found, nil
}
