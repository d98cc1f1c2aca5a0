package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// ReservedNames lists the files that a program must not write into a checkpoint: tailsweep
// adds them.
func ReservedNames() []string {
	return []string{ManifestName, CurveName, MetricsName, EnvironmentName, SamplesName}
}

// Seal makes the complete checkpoint parent/step-%010d of a folder that a program has written,
// and returns its path. m is as for Create. dir is the folder, in parent: it is moved, and its
// folder SamplesDir is packed into SamplesName. "" makes a checkpoint without a program's files.
// extra has the content of further files by path, such as CurveName.
//
// The folder is untrusted. What the program may not write is a *sweep.FailureError of class
// bad data that names the file: a link, a device, a file with further names (hard links), a path
// that CheckPath refuses, one of ReservedNames, a folder outside parent, and more than
// MaxProgramFiles or MaxBytes. After an error the program's folder is gone, unless it was
// outside. The semantics are those of Writer.Commit otherwise. Of a plain program, which may write
// MetricsName, the caller reads and removes that file first.
func Seal(parent, dir string, m Manifest, extra map[string][]byte) (final string, err error) {
	inside := ""
	if dir != "" {
		if inside, err = locate(parent, dir); err != nil {
			return "", err
		}
	}
	w, err := Create(parent, m)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if inside != "" {
		if err := w.adopt(inside); err != nil {
			return "", err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(extra)) {
		if err := w.Bytes(path, extra[path]); err != nil {
			return "", err
		}
	}
	return w.Commit()
}

// refused is what a program may not write into a checkpoint.
func refused(format string, args ...any) error {
	return sweep.Fail(sweep.FailBadData, fmt.Errorf("checkpoint of the program: "+format, args...))
}

// reserved is the error of a file with one of ReservedNames.
func reserved(path string) error {
	return refused("it has a file %s, which tailsweep adds itself (reserved: %s)", path, strings.Join(ReservedNames(), ", "))
}

// locate returns the path of the folder that a program named, without links. It must be in
// parent.
func locate(parent, dir string) (string, error) {
	root, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	inside, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", refused("there is no folder %q", dir)
	}
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	rel, err := filepath.Rel(root, inside)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", refused("the folder %q is not inside the staging folder %q", dir, parent)
	}
	if strings.HasPrefix(rel, ".") && strings.Contains(rel, tmpMark) {
		return "", refused("%q is a name that tailsweep uses itself: name the folder in another way", rel)
	}
	info, err := os.Lstat(inside)
	switch {
	case err != nil:
		return "", fmt.Errorf("checkpoint: %w", err)
	case !info.IsDir():
		return "", refused("%q is not a folder", dir)
	}
	if _, err := os.Lstat(filepath.Join(inside, ManifestName)); err == nil { // it may be an earlier checkpoint, which stays
		return "", reserved(ManifestName)
	}
	return inside, nil
}

// adopt makes the folder that a program wrote the writer's own, and enters its files into the
// manifest.
func (w *Writer) adopt(dir string) error {
	if err := os.Remove(w.tmp); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := os.Rename(dir, w.tmp); err != nil {
		return fmt.Errorf("checkpoint: move the program's folder: %w", err)
	}
	size, err := file.FolderSize(w.tmp) // before all of it is read
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if size > MaxBytes {
		return refused("it has %s (valid: at most %s)", text.Bytes(size), text.Bytes(MaxBytes))
	}
	var bytes int64
	folders := 0
	err = filepath.WalkDir(w.tmp, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(w.tmp, full)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		switch {
		case d.IsDir() && path == SamplesDir:
			err = w.pack(full)
		case d.IsDir():
			if folders++; folders > MaxProgramFiles {
				return refused("it has more than %d folders", MaxProgramFiles)
			}
			return nil
		default:
			err = w.adoptFile(full, path)
		}
		if err != nil {
			return err
		}
		if len(w.manifest.Files) > MaxProgramFiles {
			return refused("it has more than %d files: %s is one too many", MaxProgramFiles, path)
		}
		if bytes += w.manifest.Files[len(w.manifest.Files)-1].Size; bytes > MaxBytes { // it grew
			return refused("it has more than %s: %s is too much", text.Bytes(MaxBytes), path)
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	if errors.Is(err, fs.ErrPermission) {
		err = refused("%w", err)
	}
	return err
}

// adoptFile enters one file of the program into the manifest.
func (w *Writer) adoptFile(full, path string) error {
	if fault := pathFault(path); fault != "" {
		return refused("it has a file %.*q, %s", maxPathBytes, path, fault)
	}
	if slices.ContainsFunc(ReservedNames(), func(name string) bool { return strings.EqualFold(path, name) }) {
		return reserved(path)
	}
	f, _, err := openWritten(full, path, MaxBytes)
	if err != nil {
		return err
	}
	h := sha256.New()
	size, err := io.Copy(h, io.LimitReader(f, MaxBytes+1)) // it may grow
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return w.explain(path, err)
	}
	w.manifest.Files = append(w.manifest.Files, File{Path: path, Size: size, SHA256: hex.EncodeToString(h.Sum(nil))})
	return nil
}

// openWritten opens a file that a program has written, and returns its size. path is how an
// error names it.
func openWritten(full, path string, limit int64) (f *os.File, size int64, err error) {
	f, size, err = file.OpenPlain(full, limit)
	switch {
	case errors.Is(err, file.ErrTooLarge):
		return nil, 0, refused("%q has more than %s", path, text.Bytes(limit))
	case errors.Is(err, file.ErrNotPlain), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENXIO):
		return nil, 0, refused("%q is a link, a device or a pipe: write a plain file in its place", path)
	case err != nil:
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
			err = refused("%q is a hard link, whose content can change later: write a copy in its place", path)
		}
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, 0, err
	}
	return f, size, nil
}
