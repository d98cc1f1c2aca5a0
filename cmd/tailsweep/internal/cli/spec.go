package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/archive"
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

// NoFinishedTrial is the error of a trial that does not exist or has not ended.
func NoFinishedTrial(sweep string, number int) error {
	return NotFoundf("sweep %q has no finished trial %d; `tailsweep trials %[1]s` lists the finished trials", sweep, number)
}

// LoadSpec reads the spec of a sweep, and its text, or returns NoSweep.
func LoadSpec(ctx context.Context, arc *archive.Archive, name string) (*sweep.Spec, []byte, error) {
	spec, yaml, err := arc.LoadSpec(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		err = NoSweep(name)
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

// ReadSpec reads and parses a spec file, "-" for standard input. Faults of the spec
// are specfile.Faults; a file that cannot be read is a usage error.
func (a *App) ReadSpec(path string) (*sweep.Spec, []byte, error) {
	name, text, err := a.ReadText(path)
	if err != nil {
		return nil, nil, err
	}
	spec, err := specfile.Parse(name, text)
	if err != nil {
		return nil, nil, err
	}
	if err := makeAbsolute(spec); err != nil {
		return nil, nil, err
	}
	return spec, text, nil
}

// makeAbsolute resolves relative paths of a spec against the working directory, as the
// verbs that look at the files do. A worker has another working directory.
func makeAbsolute(spec *sweep.Spec) error {
	paths := []*string{&spec.Dataset.Path}
	if !sweep.IsSplitFile(spec.Dataset.Reference) { // a split file is in dataset.path
		paths = append(paths, &spec.Dataset.Reference)
	}
	if f := spec.Evaluate.Features; f != nil {
		paths = append(paths, &f.Path, &f.Classifier)
	}
	for _, path := range paths {
		if *path == "" || sweep.Remote(*path) {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return Usagef("path %q of the spec: %w", *path, err)
		}
		*path = absolute
	}
	return nil
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
