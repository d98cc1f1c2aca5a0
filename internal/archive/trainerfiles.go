package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

const filesFolder = "files/"

// fileKey returns the key of a file of a trainer by the SHA-256 of its content.
func fileKey(name, digest string) (string, error) {
	if !isFileDigest(digest) {
		return "", fmt.Errorf("%q is not a SHA-256 in hexadecimal", digest)
	}
	return sweepKey(name, filesFolder+digest)
}

func isFileDigest(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// PutTrainerFiles stores the files of a sweep's trainer, by path, before the sweep starts. What
// is stored already stays; a damaged one is replaced. owner is the identity with which the
// name of the sweep is reserved: the error is an *OwnerError if it belongs to another sweep, and a
// *RemovingError if that is being removed.
func (a *Archive) PutTrainerFiles(ctx context.Context, name string, owner sweep.Identity, files map[string][]byte) error {
	own := a.fenced(func(ctx context.Context, name string) error {
		r, _, err := a.reservation(ctx, name)
		switch {
		case err != nil:
			return err
		case r.Removing:
			return &RemovingError{name}
		case r.Owner.ID != "" && !r.Owner.Same(owner):
			return &OwnerError{Name: name, Writer: owner, Holder: r.Owner}
		}
		return nil
	})
	for _, path := range slices.Sorted(maps.Keys(files)) {
		digest := digestOf(files[path])
		stored, _, err := a.object(fileKey(name, digest)).read(ctx, sweep.MaxTrainerBytes)
		switch {
		case err == nil && digestOf(stored) == digest:
			continue
		case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.As(err, new(*tooLargeError)):
			return fmt.Errorf("store %s: %w", path, err)
		}
		if err := own.object(fileKey(name, digest)).put(ctx, files[path]); err != nil {
			return fmt.Errorf("store %s: %w", path, err)
		}
	}
	return nil
}

// TrainerFiles reads the files of a sweep's trainer. digests has the SHA-256 of each by its path.
// A file that is missing or has another content is a *sweep.FailureError of class bad data that
// names it.
func (a *Archive) TrainerFiles(ctx context.Context, name string, digests map[string]string) (map[string][]byte, error) {
	if len(digests) > sweep.MaxTrainerFiles {
		return nil, sweep.Fail(sweep.FailBadData, fmt.Errorf("trainer.digests of sweep %s has %d files (valid: at most %d)", name, len(digests), sweep.MaxTrainerFiles))
	}
	files := make(map[string][]byte, len(digests))
	left := int64(sweep.MaxTrainerBytes)
	for _, path := range slices.Sorted(maps.Keys(digests)) {
		wrong := func(found string) error {
			return sweep.Fail(sweep.FailBadData, fmt.Errorf("the file %s of the trainer of sweep %s %s: `tailsweep run` with the same spec and files stores it again", path, name, found))
		}
		data, _, err := a.object(fileKey(name, digests[path])).read(ctx, left)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, wrong("is not in the object store")
		case errors.As(err, new(*tooLargeError)):
			return nil, wrong("is too large: all files together can have " + english.Plural(sweep.MaxTrainerBytes>>20, "MiB", "MiB"))
		case err != nil:
			return nil, fmt.Errorf("read the file %s of the trainer: %w", path, err)
		}
		if found := digestOf(data); found != digests[path] {
			return nil, wrong(fmt.Sprintf("has the digest %.12s in the object store, the spec says %.12s", found, digests[path]))
		}
		files[path] = data
		left -= int64(len(data))
	}
	return files, nil
}

// Files implements activities.Records.
func (a *Archive) Files(ctx context.Context, name string, digests map[string]string, dir string) error {
	files, err := a.TrainerFiles(ctx, name, digests)
	if err != nil {
		return err
	}
	return makeFolder(dir, func(root *os.Root) error {
		for path, data := range files {
			if err := write(root, path, data); err != nil {
				return err
			}
			if err := root.Chmod(filepath.FromSlash(path), 0o755); err != nil { // it may be a script
				return err
			}
		}
		return nil
	})
}

// checkFiles verifies the files of the trainer.
func (c *checker) checkFiles(ctx context.Context) error {
	if c.spec == nil || c.spec.Trainer == nil && len(c.files) == 0 {
		return nil
	}
	digests := map[string]string{}
	if c.spec.Trainer != nil {
		digests = c.spec.Trainer.Digests
	}
	faults := 0
	for _, path := range slices.Sorted(maps.Keys(digests)) {
		_, err := c.a.TrainerFiles(ctx, c.name, map[string]string{path: digests[path]})
		failure, bad := errors.AsType[*sweep.FailureError](err)
		switch {
		case bad:
			faults++
			c.found("files", LevelFault, c.key(filesFolder+digests[path]), "`tailsweep run` with the same spec and files stores it again", "%s", failure.Message)
		case err != nil:
			return err
		}
	}
	if faults == 0 {
		c.found("files", LevelOK, "", "", "%s of the trainer verified", english.Plural(len(digests), "file", ""))
	}
	named := slices.Collect(maps.Values(digests))
	if left := slices.DeleteFunc(slices.Clone(c.files), func(digest string) bool { return slices.Contains(named, digest) }); len(left) > 0 {
		c.found("files", LevelNotice, c.key(filesFolder+left[0]), "", "%s not of this spec: left by a run that did not start", english.Plural(len(left), "file is", "files are"))
	}
	return nil
}
