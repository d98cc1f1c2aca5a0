package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trainerfiles"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Sweep opens the archive and reads a sweep's spec, parsed and as submitted. An unknown
// sweep is exit code 4.
func (a *App) Sweep(ctx context.Context, name string) (*archive.Archive, *sweep.Spec, []byte, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	spec, yaml, err := LoadSpec(ctx, arc, name)
	return arc, spec, yaml, err
}

// NoSweep is the error of a sweep that does not exist.
func NoSweep(name string) error {
	return NotFoundf("no sweep %q; `tailsweep list` lists the sweeps", name)
}

// Absent is the error of a sweep whose spec.json is not in the store: its damage if something
// remains of it, otherwise NoSweep.
func Absent(ctx context.Context, arc *archive.Archive, name string) error {
	if err := arc.CheckLost(ctx, name); err != nil {
		return err
	}
	return NoSweep(name)
}

// NoFinishedTrial is the error of a trial that does not exist or has not ended.
func NoFinishedTrial(sweep string, number int) error {
	return NotFoundf("sweep %q has no finished trial %d; `tailsweep trials %[1]s` lists the finished trials", sweep, number)
}

// LoadSpec reads the spec of a sweep, and its text, or returns the error of Absent.
func LoadSpec(ctx context.Context, arc *archive.Archive, name string) (*sweep.Spec, []byte, error) {
	spec, yaml, err := arc.LoadSpec(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		err = Absent(ctx, arc, name)
	}
	return spec, yaml, err
}

// Trials reads a sweep's spec and finished trials.
func (a *App) Trials(ctx context.Context, name string) (*archive.Archive, *sweep.Spec, []sweep.Trial, error) {
	arc, spec, _, err := a.Sweep(ctx, name)
	if err != nil {
		return nil, nil, nil, err
	}
	trials, err := arc.Trials(ctx, name)
	return arc, spec, trials, err
}

// maxSpec is the size in bytes beyond which a file is not read; specfile.Parse has a
// lower limit of its own.
const maxSpec = 4 << 20

// ReadSpec reads and parses a spec file, "-" for standard input, and makes its paths
// absolute. Faults of the spec are specfile.Faults; a file that cannot be read is a usage
// error.
func (a *App) ReadSpec(path string) (*sweep.Spec, []byte, error) {
	spec, text, faults, err := a.ReadDraft(path)
	if err != nil {
		return nil, nil, err
	}
	if len(faults) > 0 {
		return nil, nil, faults
	}
	return spec, text, nil
}

// ReadDraft is ReadSpec for a spec that may have faults: see specfile.Draft.
func (a *App) ReadDraft(path string) (*sweep.Spec, []byte, specfile.Faults, error) {
	name, text, err := a.ReadText(path)
	if err != nil {
		return nil, nil, nil, err
	}
	spec, faults := specfile.Draft(name, text)
	if spec != nil {
		err = resolve(spec, path)
	}
	return spec, text, faults, err
}

// resolve makes the paths of a spec absolute: a relative one starts in the folder of the
// spec's file, or in the working directory for standard input.
func resolve(spec *sweep.Spec, path string) error {
	base, err := specFolder(path)
	if err != nil {
		return err
	}
	for _, f := range spec.PathFields() {
		home := ""
		if sweep.OfHome(*f.Path) {
			if home, err = os.UserHomeDir(); err != nil {
				return Usagef("%s: %s: %w", f.Field, *f.Path, err)
			}
		}
		f.Resolve(base, home)
	}
	return nil
}

// specFolder returns the folder of a spec's file, the working directory for standard input.
func specFolder(path string) (string, error) {
	base := "."
	if path != "-" {
		base = filepath.Dir(path)
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return "", Usagef("the folder of the spec %s: %w", path, err)
	}
	return base, nil
}

// ReadTrainer reads the files of a spec's trainer, if it has one, and fills in their digests.
// path and content are the file of the spec. Faults are specfile.Faults.
func (a *App) ReadTrainer(path string, content []byte, spec *sweep.Spec) (trainerfiles.Files, error) {
	if spec.Trainer == nil {
		return nil, nil
	}
	files, faults, err := trainerFiles(path, content, spec)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, faults
	}
	spec.Trainer.Digests = files.Digests()
	return files, nil
}

func trainerFiles(path string, content []byte, spec *sweep.Spec) (trainerfiles.Files, specfile.Faults, error) {
	folder, err := specFolder(path)
	if err != nil {
		return nil, nil, err
	}
	files, found := trainerfiles.Read(folder, spec.Trainer)
	var faults specfile.Faults
	for _, f := range found {
		faults = append(faults, specfile.Located(SpecName(path), content, f))
	}
	return files, faults, nil
}

// CheckPaths returns specfile.Faults if a path of a spec would mean something else to the
// workers of a cluster. path and content are the file of the spec.
func (a *App) CheckPaths(path string, content []byte) error {
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return err
	}
	if faults := pathFaults(SpecName(path), content); !target.Embedded && len(faults) > 0 {
		return faults
	}
	return nil
}

// pathFaults returns the paths of a spec that would mean something else on another machine.
// name and content are the file of the spec.
func pathFaults(name string, content []byte) (faults specfile.Faults) {
	spec, _ := specfile.Draft(name, content)
	if spec == nil {
		return nil
	}
	for _, f := range spec.PathFields() {
		if !f.Unresolved() {
			continue
		}
		valid := "an absolute path that exists on every worker"
		if strings.HasPrefix(f.Field, "dataset.") && !f.Within {
			valid = "an s3:// or https:// URL, or " + valid
		}
		faults = append(faults, specfile.Located(name, content, sweep.FieldError{
			Field: f.Field, Value: *f.Path, Message: "is a path of this machine, and the workers of a cluster run on others", Valid: valid,
		}))
	}
	return faults
}

// SpecName returns what faults call the file of a spec.
func SpecName(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

// ReadText reads a spec or a list of configurations. name is what faults call the file.
func (a *App) ReadText(path string) (name string, text []byte, err error) {
	in, name := a.In, SpecName(path)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return name, nil, Usagef("read the file: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	if text, err = io.ReadAll(io.LimitReader(in, maxSpec+1)); err != nil {
		return name, nil, Usagef("read the file %s: %w", name, err)
	}
	if len(text) > maxSpec {
		return name, nil, Usagef("the file %s is larger than %d MiB", name, maxSpec>>20)
	}
	return name, text, nil
}

// Warn prints what is probably a mistake in a valid spec.
func (a *App) Warn(spec *sweep.Spec) {
	for _, text := range specfile.Warnings(spec) {
		a.Log("%s: warning: %s", spec.Name, text)
	}
}
