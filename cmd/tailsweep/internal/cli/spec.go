package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// spec reads a sweep's spec from the archive; an unknown sweep exits 4.
func LoadSpec(ctx context.Context, arc *archive.Archive, name string) (*sweep.Spec, []byte, error) {
	spec, text, err := arc.LoadSpec(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, ExitWith(ExitNotFound, fmt.Errorf("no sweep %q; `tailsweep list` shows those that are there", name))
	}
	return spec, text, err
}

// loadTrials reads a sweep's spec and finished trials, which need no Temporal.
func (a *App) LoadTrials(ctx context.Context, name string) (*sweep.Spec, []sweep.Trial, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return nil, nil, err
	}
	spec, _, err := LoadSpec(ctx, arc, name)
	if err != nil {
		return nil, nil, err
	}
	trials, err := arc.Trials(ctx, name)
	return spec, trials, err
}

// maxSpec bounds the spec file that is read, in bytes; sweep.Parse has limits of its own.
const maxSpec = 4 << 20

// readSpec reads and parses a spec file, "-" for standard input. Faults of the
// spec are sweep.Faults; a file that cannot be read is a usage error.
func (a *App) ReadSpec(path string) (*sweep.Spec, []byte, error) {
	name, text, err := a.ReadText(path)
	if err != nil {
		return nil, nil, err
	}
	spec, err := specfile.Parse(name, text)
	return spec, text, err
}

// readText reads a spec file, and what faults call it.
func (a *App) ReadText(path string) (name string, text []byte, err error) {
	in, name := a.In, "stdin"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return name, nil, Usagef("read the spec: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		in, name = f, path
	}
	if text, err = io.ReadAll(io.LimitReader(in, maxSpec+1)); err != nil {
		return name, nil, Usagef("read the spec %s: %w", name, err)
	}
	if len(text) > maxSpec {
		return name, nil, Usagef("the spec %s is larger than %d MiB", name, maxSpec>>20)
	}
	return name, text, nil
}

// warn tells what of a sound spec is probably not meant.
func (a *App) Warn(spec *sweep.Spec) {
	for _, text := range specfile.Warnings(spec) {
		a.Say("%s: warning: %s", spec.Name, text)
	}
}
