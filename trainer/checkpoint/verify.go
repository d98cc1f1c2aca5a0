package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/file"
)

// Verify reads every file of the checkpoint in dir and compares it with the
// manifest. It returns the manifest, or an error that wraps ErrCorrupt and names
// the file that is missing, extra, not a plain file, or has another size or hash.
func Verify(dir string) (Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return Manifest{}, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if _, ok := m.File(rel); !ok && rel != ManifestName {
			return corruptf("%s: %s is not in the manifest", dir, rel)
		}
		return nil
	})
	if err != nil {
		return Manifest{}, fmt.Errorf("checkpoint: verify: %w", err)
	}
	for _, f := range m.Files {
		if err := m.VerifyFile(dir, f.Path); err != nil {
			return Manifest{}, err
		}
	}
	return m, nil
}

// VerifyFile compares one file in dir with the manifest's entry of path. It is for
// folders with a part of a checkpoint, or with further files, such as pulled ones.
func (m Manifest) VerifyFile(dir, path string) error {
	want, ok := m.File(path)
	if !ok {
		return corruptf("%s: the manifest lists no %s", dir, path)
	}
	full := filepath.Join(dir, filepath.FromSlash(path))
	size, err := plainSize(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return corruptf("%s: %s is missing", dir, path)
	case err != nil:
		return err
	case size != want.Size:
		return corruptf("%s: %s does not have the %d bytes of the manifest", dir, path, want.Size)
	}
	got, err := file.SHA256Plain(full, want.Size) // a child may have replaced it by a link meanwhile
	if err != nil {
		return fmt.Errorf("checkpoint: verify: %w", err)
	}
	if got != want.SHA256 {
		return corruptf("%s: %s has sha256 %s, the manifest has %s", dir, path, got, want.SHA256)
	}
	return nil
}

// plainSize returns the size of a plain file in bytes. A link or a device is corrupt.
func plainSize(path string) (int64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return 0, corruptf("%s is not a plain file", path)
	}
	return info.Size(), nil
}

// readFile reads a plain file of at most limit bytes. A larger one is corrupt.
func readFile(path string, limit int64) ([]byte, error) {
	size, err := plainSize(path)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, corruptf("%s is larger than %d bytes", path, limit)
	}
	data, err := file.ReadPlain(path, limit)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return data, nil
}
