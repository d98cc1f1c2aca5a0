package archive

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// ErrNotEmpty means that the target of a download exists.
var ErrNotEmpty = errors.New("exists and is not an empty folder")

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
		return err
	}
	return nil
}

// makeFolder makes the folder dir with the files that fill writes into root. fill writes to
// a hidden folder next to dir, which is renamed at the end; after an error nothing
// remains. Missing parents are made, and removed again after an error.
func makeFolder(dir string, fill func(root *os.Root) error) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := checkVacant(dir); err != nil {
		return err
	}
	parent, name := filepath.Split(dir)
	made, err := makeParents(parent)
	defer func() {
		if err != nil {
			for _, d := range made {
				_ = os.Remove(d) // it stays when another process has put a file there
			}
		}
	}()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	partial := "." + name + ".partial-" + rand.Text()[:8]
	if err := root.Mkdir(partial, 0o755); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, root.RemoveAll(partial))
		}
	}()
	if err := fillFolder(root, partial, fill); err != nil {
		return err
	}
	there, err := checkVacant(dir) // again: another process may have made it
	if err != nil {
		return err
	}
	if there {
		if err := root.Remove(name); err != nil { // only when still empty
			return err
		}
	}
	if err := root.Rename(partial, name); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

func fillFolder(parent *os.Root, name string, fill func(root *os.Root) error) (err error) {
	root, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fill(root)
}

// checkVacant returns ErrNotEmpty unless dir is absent or an empty folder, and whether
// it exists. A link is never vacant: its target is not the folder that the caller named.
func checkVacant(dir string) (there bool, err error) {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.IsDir() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return false, err
		}
		if len(entries) == 0 {
			return true, nil
		}
	}
	return false, fmt.Errorf("%s %w: name another, or remove it", dir, ErrNotEmpty)
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
			return nil, err
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return made, err
	}
	return made, nil
}
