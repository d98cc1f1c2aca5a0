package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// ErrNotEmpty means that a download's target is there already.
var ErrNotEmpty = errors.New("exists and is not an empty folder")

// fetch copies one file of the checkpoint at key into root and compares size and
// hash while the bytes pass. Nothing outside root is written, whatever f.Path is.
func (a *Archive) fetch(ctx context.Context, key string, f checkpoint.File, root *os.Root) (err error) {
	corrupt := func(format string, args ...any) error {
		return fmt.Errorf("archive: %s: %w: %s %s", key, activities.ErrCorrupt, f.Path, fmt.Sprintf(format, args...))
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
		return corrupt("has %d bytes, the manifest says %d", info.Size, f.Size)
	}
	hash := sha256.New()
	n, err := copyFile(root, f.Path, io.TeeReader(io.LimitReader(r, f.Size+1), hash))
	if err != nil {
		return fmt.Errorf("archive: fetch %s/%s: %w", key, f.Path, err)
	}
	if n != f.Size {
		return corrupt("has %d bytes or more, the manifest says %d", n, f.Size)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != f.SHA256 {
		return corrupt("has sha256 %s, the manifest says %s", sum, f.SHA256)
	}
	return nil
}

// copyFile creates a file in root from body, synced, and returns its size.
func copyFile(root *os.Root, name string, body io.Reader) (n int64, err error) {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(filepath.FromSlash(dir), 0o755); err != nil {
			return 0, err
		}
	}
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if n, err = io.Copy(f, body); err != nil {
		return n, err
	}
	return n, f.Sync()
}

// write creates a file in root.
func write(root *os.Root, name string, data []byte) error {
	if _, err := copyFile(root, name, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// appear makes dir a folder with what fill writes into root, or leaves nothing
// behind: fill works in a hidden folder beside it, which is renamed at the end.
// Parents are made as needed, and removed again when it fails.
func appear(dir string, fill func(root *os.Root) error) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if _, err := checkVacant(dir); err != nil {
		return err
	}
	parent, name := filepath.Split(dir)
	made, err := makeParents(parent)
	defer func() {
		if err != nil {
			for _, d := range made {
				_ = os.Remove(d) // stays when somebody else put something there
			}
		}
	}()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	partial := "." + name + ".partial-" + rand.Text()[:8]
	if err := root.Mkdir(partial, 0o755); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.RemoveAll(partial))
		}
	}()
	if err := fillFolder(root, partial, fill); err != nil {
		return err
	}
	there, err := checkVacant(dir) // again, it may have come meanwhile
	if err != nil {
		return err
	}
	if there {
		if err := root.Remove(name); err != nil { // only when still empty
			return fmt.Errorf("archive: %w", err)
		}
	}
	if err := root.Rename(partial, name); err != nil {
		return fmt.Errorf("archive: %s: %w", dir, err)
	}
	return nil
}

func fillFolder(parent *os.Root, name string, fill func(root *os.Root) error) (err error) {
	root, err := parent.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fill(root)
}

// checkVacant returns ErrNotEmpty unless dir is absent or an empty folder, and
// whether it is there. A link is never vacant: what is behind it is not what the
// caller named.
func checkVacant(dir string) (there bool, err error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("archive: %w", err)
	}
	if info.IsDir() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return false, fmt.Errorf("archive: %w", err)
		}
		if len(entries) == 0 {
			return true, nil
		}
	}
	return false, fmt.Errorf("archive: %s %w: name another, or remove it", dir, ErrNotEmpty)
}

// makeParents makes dir and returns the folders that were not there before,
// deepest first.
func makeParents(dir string) (made []string, err error) {
	dir = filepath.Clean(dir)
	for d := dir; ; d = filepath.Dir(d) {
		_, err := os.Lstat(d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("archive: %w", err)
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return made, fmt.Errorf("archive: %w", err)
	}
	return made, nil
}
