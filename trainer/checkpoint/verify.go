package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	f, err := openRegular(filepath.Join(dir, filepath.FromSlash(path)))
	if errors.Is(err, fs.ErrNotExist) {
		return corruptf("%s: %s is missing", dir, path)
	}
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, want.Size+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("checkpoint: verify: %w", err)
	}
	if n != want.Size {
		return corruptf("%s: %s does not have the %d bytes that the manifest says", dir, path, want.Size)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want.SHA256 {
		return corruptf("%s: %s has sha256 %s, the manifest says %s", dir, path, got, want.SHA256)
	}
	return nil
}

// openRegular opens a plain file. A link or a device is an error.
func openRegular(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, corruptf("%s is not a plain file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return f, nil
}
