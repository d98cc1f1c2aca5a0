package generate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// Settings are what the images of a folder depend on, in addition to their class and
// index. A folder has one: another call with other settings is refused.
type Settings struct {
	Checkpoint     string        `json:"checkpoint"` // SHA-256 of its weights
	Sweep          string        `json:"sweep"`
	Trial          int           `json:"trial"`
	Step           int           `json:"step"`
	Backend        string        `json:"backend"`
	Seed           int64         `json:"seed"`
	Guidance       float64       `json:"guidance"`
	Sampler        string        `json:"sampler"`
	Steps          int           `json:"steps"` // of denoising
	Gates          []string      `json:"gates"`
	Classifier     string        `json:"classifier,omitempty"` // SHA-256 of its weights; "": none
	Dataset        sweep.Dataset `json:"dataset"`
	DatasetDigest  string        `json:"dataset_digest"`  // of the training images
	DatasetRead    bool          `json:"dataset_read"`    // whether images were compared with them
	Classes        []string      `json:"classes"`         // names
	TrainingImages []int         `json:"training_images"` // of each class
	Thresholds     []Threshold   `json:"thresholds"`      // of each class
}

// The files of a folder in addition to the images.
const (
	settingsName = "generate.json"
	indexName    = "index.csv"
	cardName     = "CARD.md"
	lockName     = ".lock"
)

// ReadSettings reads the settings of a folder. A folder without them is a user's mistake.
func ReadSettings(dir string) (Settings, error) {
	var s Settings
	err := file.ReadJSON(filepath.Join(dir, settingsName), &s)
	if errors.Is(err, fs.ErrNotExist) {
		err = precheck.BadData(fmt.Errorf("%s has no %s (valid: a folder that `tailsweep generate` made)", dir, settingsName))
	}
	return s, err
}

// settle compares the settings with those of the folder, which a new folder gets.
func (s Settings) settle(dir string) error {
	old, err := ReadSettings(dir)
	if err == nil {
		return s.compare(dir, old)
	}
	if _, there := os.Lstat(filepath.Join(dir, settingsName)); !errors.Is(there, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != lockName && !isTemporary(e.Name(), settingsName) {
			return precheck.BadData(fmt.Errorf("%s is not empty and not a folder that generate made: it has %s (valid: a new folder for --to)", dir, e.Name()))
		}
	}
	return file.WriteJSON(filepath.Join(dir, settingsName), s, 0o644)
}

// compare returns an error that names the settings that differ from those of the folder.
func (s Settings) compare(dir string, old Settings) error {
	var differ []string
	for _, c := range []struct {
		name      string
		now, then any
	}{
		{"checkpoint", origin(s), origin(old)},
		{"--backend", s.Backend, old.Backend},
		{"--seed", s.Seed, old.Seed},
		{"--guidance", s.Guidance, old.Guidance},
		{"--steps", s.Steps, old.Steps},
		{"sampler", s.Sampler, old.Sampler},
		{"--gates", words(s.Gates), words(old.Gates)},
		{"classifier", s.Classifier, old.Classifier},
		{"training images", s.DatasetDigest, old.DatasetDigest},
	} {
		if c.now != c.then {
			differ = append(differ, fmt.Sprintf("%s is %v, and was %v", c.name, c.now, c.then))
		}
	}
	if len(differ) == 0 && (s.DatasetRead != old.DatasetRead || fmt.Sprint(s.Thresholds) != fmt.Sprint(old.Thresholds)) {
		differ = append(differ, "the real images that the thresholds come from are others")
	}
	if len(differ) == 0 {
		return nil
	}
	return precheck.BadData(fmt.Errorf("%s was begun with other settings: %s (valid: the same ones, or another folder for --to)", dir, strings.Join(differ, "; ")))
}

// origin names a checkpoint for people.
func origin(s Settings) string {
	return fmt.Sprintf("%.12s (trial %d of %s, step %d)", s.Checkpoint, s.Trial, s.Sweep, s.Step)
}

// isTemporary reports whether name is that of a file that was being written as base
// when its process was killed.
func isTemporary(name, base string) bool { return strings.HasPrefix(name, "."+base) }
