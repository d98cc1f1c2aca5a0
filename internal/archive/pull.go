package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// The files of a pulled folder in addition to those of its checkpoint.
const (
	CardName  = "README.md"
	TrialName = "trial.json"
	SpecName  = yamlName
	GridName  = "grid.png"
)

// Pull describes what to download, and to which folder.
type Pull struct {
	Sweep string
	Trial sweep.Trial
	Dir   string // the trial's folder appears in it; made as needed
	State bool   // with the files that resuming needs: optimizer, random state, raw weights; the files of a program are always complete
}

// Folder returns the folder of the pulled trial.
func (p Pull) Folder() string { return filepath.Join(p.Dir, fmt.Sprintf("trial-%06d", p.Trial.Number)) }

// vacant returns the name for a file of tailsweep's in the folder of a checkpoint: a program may
// have written a file of that name, such as README.md, which stays.
func vacant(m checkpoint.Manifest, name string) string {
	for {
		if _, taken := m.File(name); !taken {
			return name
		}
		name = "tailsweep-" + name
	}
}

// Pull downloads a trial's final checkpoint and verifies it: weights, curve and manifest,
// with the sample grid, the spec, the trial and a model card. p.Folder() must not exist
// or be empty (ErrNotEmpty); an error leaves no part of it. Damage in the store is
// activities.ErrCorrupt, a checkpoint that the sweep has removed store.ErrNotFound. The files of
// a program are pulled all; where one has the name of a file that Pull adds, that one's name
// begins with tailsweep-.
func (a *Archive) Pull(ctx context.Context, p Pull) error {
	spec, yaml, err := a.LoadSpec(ctx, p.Sweep)
	if err != nil {
		return err
	}
	if p.Trial.Checkpoint == "" {
		return fmt.Errorf("trial %d of %s is %s and has no final checkpoint", p.Trial.Number, p.Sweep, p.Trial.Status)
	}
	id, err := parseCheckpointKey(p.Trial.Checkpoint)
	if err != nil {
		return err
	}
	if id.sweep != p.Sweep || id.trial != p.Trial.Number {
		return fmt.Errorf("%s is not a checkpoint of trial %d of %s", p.Trial.Checkpoint, p.Trial.Number, p.Sweep)
	}
	manifest, m, err := a.manifest(ctx, p.Trial.Checkpoint)
	if errors.Is(err, store.ErrNotFound) && len(p.Trial.Gates) > 0 {
		return fmt.Errorf("the checkpoint of trial %d was removed: it failed a gate (%s), and such a trial keeps its checkpoint only while fewer than %d better trials exist (checkpoints.save_sweep_best): %w",
			p.Trial.Number, strings.Join(p.Trial.Gates, "; "), spec.KeptCheckpoints(), store.ErrNotFound)
	}
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("the checkpoint of trial %d was removed: this sweep keeps only the checkpoints of its best %d trials (checkpoints.save_sweep_best): %w",
			p.Trial.Number, spec.Checkpoints.SaveSweepBest, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if _, ok := m.File(checkpoint.ModelName); !ok && spec.Trainer == nil {
		return fmt.Errorf("%s: %w: its manifest lists no %s", p.Trial.Checkpoint, activities.ErrCorrupt, checkpoint.ModelName)
	}
	trial, err := encodeTrial(p.Trial)
	if err != nil {
		return err
	}
	grid, err := a.Grid(ctx, p.Sweep, p.Trial.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	card := card{spec: spec, trial: p.Trial, manifest: m, grid: grid != nil, folder: filepath.Base(p.Folder())}
	extra := map[string][]byte{
		checkpoint.ManifestName: manifest, TrialName: append(trial, '\n'), SpecName: yaml, CardName: card.markdown(),
	}
	if grid != nil {
		extra[GridName] = grid
	}
	return makeFolder(p.Folder(), func(root *os.Root) error {
		for _, f := range m.Files {
			if !p.State && spec.Trainer == nil && strings.HasPrefix(f.Path, checkpoint.StateDir+"/") {
				continue
			}
			if err := a.download(ctx, p.Trial.Checkpoint, f, root); err != nil {
				return err
			}
		}
		for name, data := range extra {
			if err := write(root, vacant(m, name), data); err != nil {
				return err
			}
		}
		return nil
	})
}
