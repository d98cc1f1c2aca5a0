package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// List implements activities.Checkpoints. For the same step, later attempts come first.
func (a *Archive) List(ctx context.Context, sweepName string, trial int) (complete, partial []activities.CheckpointRef, err error) {
	prefix, err := trialKey(sweepName, trial, "attempts/")
	if err != nil {
		return nil, nil, err
	}
	found := map[string]bool{} // whether the checkpoint in this folder has its manifest
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, nil, err
		}
		if folder, path, ok := inCheckpoint(info.Key); ok {
			found[folder] = found[folder] || path == checkpoint.ManifestName
		}
	}
	var ids []checkpointID
	for folder := range found {
		id, _ := parseCheckpointKey(folder) // it is one
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b checkpointID) int {
		return cmp.Or(cmp.Compare(b.step, a.step), cmp.Compare(b.attempt, a.attempt))
	})
	for _, id := range ids {
		key, err := id.key()
		if err != nil {
			return nil, nil, err
		}
		if found[key] {
			complete = append(complete, activities.CheckpointRef{Key: key, Step: id.step})
		} else {
			partial = append(partial, activities.CheckpointRef{Key: key, Step: id.step})
		}
	}
	return complete, partial, nil
}

// Upload implements activities.Checkpoints. The error of a folder that fails
// verification or is of another attempt wraps activities.ErrCorrupt. When the store has
// another checkpoint of this trial, attempt and step, that one is kept and the error
// wraps activities.ErrConflict.
func (a *Archive) Upload(
	ctx context.Context, sweepName string, trial, attempt int, dir string,
) (_ activities.CheckpointRef, err error) {
	m, err := checkpoint.Verify(dir)
	if errors.Is(err, checkpoint.ErrCorrupt) {
		return activities.CheckpointRef{}, fmt.Errorf("upload: %w: %w", activities.ErrCorrupt, err)
	}
	if err != nil {
		return activities.CheckpointRef{}, fmt.Errorf("upload: %w", err)
	}
	if m.Sweep != sweepName || m.Trial != trial || m.Attempt != attempt {
		return activities.CheckpointRef{}, fmt.Errorf("upload: %w: %s is of sweep %s, trial %d, attempt %d, not of %s, %d, %d",
			activities.ErrCorrupt, dir, m.Sweep, m.Trial, m.Attempt, sweepName, trial, attempt)
	}
	key, err := checkpointID{sweepName, trial, attempt, m.Step}.key()
	if err != nil {
		return activities.CheckpointRef{}, err
	}
	if trained := m.Provenance.SpecDigest; !a.accepts(m) {
		return activities.CheckpointRef{}, &activities.BuildError{Sweep: sweepName, Digest: trained, Want: a.digest, Build: m.Provenance.Version}
	}
	ref := activities.CheckpointRef{Key: key, Step: m.Step}
	// A child may have replaced it since.
	manifest, err := file.ReadPlain(filepath.Join(dir, checkpoint.ManifestName), checkpoint.MaxManifestBytes)
	if err != nil {
		return activities.CheckpointRef{}, replaced(fmt.Errorf("upload: %w", err))
	}
	// No file of a complete checkpoint is ever overwritten.
	switch _, err := a.store.Stat(ctx, manifestKey(key)); {
	case err == nil:
		return ref, a.object(manifestKey(key), nil).create(ctx, manifest)
	case !errors.Is(err, store.ErrNotFound):
		return activities.CheckpointRef{}, err
	}
	for _, f := range m.Files {
		if err := a.object(key+"/"+f.Path, nil).putFile(ctx, filepath.Join(dir, filepath.FromSlash(f.Path)), f.Size); err != nil {
			return activities.CheckpointRef{}, replaced(err)
		}
	}
	return ref, a.object(manifestKey(key), nil).create(ctx, manifest)
}

// replaced adds activities.ErrCorrupt to the error of a file that was replaced after the
// checkpoint was verified.
func replaced(err error) error {
	if errors.Is(err, file.ErrNotPlain) || errors.Is(err, file.ErrTooLarge) {
		return fmt.Errorf("%w: %w", activities.ErrCorrupt, err)
	}
	return err
}

// Download implements activities.Checkpoints. dir must not exist, or be empty.
func (a *Archive) Download(ctx context.Context, key, dir string, size func(bytes int64)) (err error) {
	manifest, m, err := a.manifest(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: %w: no %s: %w", key, activities.ErrCorrupt, checkpoint.ManifestName, err)
	}
	if err != nil {
		return err
	}
	if !a.accepts(m) {
		return fmt.Errorf("%s: %w: tailsweep %s trained it by a spec with the digest %.12s, not %.12s",
			key, activities.ErrCorrupt, m.Provenance.Version, m.Provenance.SpecDigest, a.digest)
	}
	if size != nil {
		size(m.Size())
	}
	return makeFolder(dir, func(root *os.Root) error {
		for _, f := range m.Files {
			if err := a.download(ctx, key, f, root); err != nil {
				return err
			}
		}
		return write(root, checkpoint.ManifestName, manifest)
	})
}

// accepts reports whether a checkpoint was trained by the spec of the archive's user. A
// trainer of somebody else may leave out the digest.
func (a *Archive) accepts(m checkpoint.Manifest) bool {
	trained := m.Provenance.SpecDigest
	return trained == "" || a.digest == "" || trained == a.digest
}

// CheckManifest implements activities.Checkpoints.
func (a *Archive) CheckManifest(ctx context.Context, key string) error {
	_, _, err := a.manifest(ctx, key)
	return err
}

// manifest reads and checks the manifest of a checkpoint. A damaged one wraps
// activities.ErrCorrupt, an absent one store.ErrNotFound.
func (a *Archive) manifest(ctx context.Context, key string) ([]byte, checkpoint.Manifest, error) {
	id, err := parseCheckpointKey(key)
	if err != nil {
		return nil, checkpoint.Manifest{}, err
	}
	data, _, err := a.object(manifestKey(key), nil).read(ctx, checkpoint.MaxManifestBytes)
	if err != nil {
		return nil, checkpoint.Manifest{}, err
	}
	m, err := checkpoint.ParseManifest(data)
	if err != nil {
		return nil, checkpoint.Manifest{}, fmt.Errorf("%s: %w: %w", key, activities.ErrCorrupt, err)
	}
	if (checkpointID{m.Sweep, m.Trial, m.Attempt, m.Step}) != id {
		return nil, checkpoint.Manifest{}, fmt.Errorf("%s: %w: its manifest is of sweep %s, trial %d, attempt %d, step %d",
			key, activities.ErrCorrupt, m.Sweep, m.Trial, m.Attempt, m.Step)
	}
	return data, m, nil
}

// Remove implements activities.Checkpoints. Removing an absent one is not an error.
func (a *Archive) Remove(ctx context.Context, key string) error {
	if _, err := parseCheckpointKey(key); err != nil {
		return err
	}
	if err := a.store.Delete(ctx, manifestKey(key)); err != nil {
		return err
	}
	var files []string
	for info, err := range a.store.List(ctx, key+"/") {
		if err != nil {
			return err
		}
		files = append(files, info.Key)
	}
	for _, file := range files {
		if err := a.store.Delete(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// download copies one file of the checkpoint at key into root and checks its size and hash.
// It writes nothing outside root, whatever f.Path is.
func (a *Archive) download(ctx context.Context, key string, f checkpoint.File, root *os.Root) (err error) {
	corrupt := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w: %s %s", key, activities.ErrCorrupt, f.Path, fmt.Sprintf(format, args...))
	}
	r, info, err := a.store.Get(ctx, key+"/"+f.Path)
	if errors.Is(err, store.ErrNotFound) {
		return corrupt("is missing")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if info.Size != f.Size {
		return corrupt("has %d bytes, the manifest lists %d", info.Size, f.Size)
	}
	hash := sha256.New()
	n, err := copyFile(root, f.Path, io.TeeReader(io.LimitReader(r, f.Size+1), hash))
	if err != nil {
		return fmt.Errorf("download %s/%s: %w", key, f.Path, err)
	}
	if n != f.Size {
		return corrupt("has %d bytes or more, the manifest lists %d", n, f.Size)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != f.SHA256 {
		return corrupt("has sha256 %s, the manifest lists %s", sum, f.SHA256)
	}
	return nil
}
