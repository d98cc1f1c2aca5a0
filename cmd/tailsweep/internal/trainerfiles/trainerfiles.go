package trainerfiles

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Files are the files of a trainer: their content by path in the program's working directory,
// with slashes.
type Files map[string][]byte

// Digests returns the SHA-256 of each file by its path, in hexadecimal; nil without files.
func (f Files) Digests() map[string]string {
	if len(f) == 0 {
		return nil
	}
	digests := make(map[string]string, len(f))
	for path, data := range f {
		sum := sha256.Sum256(data)
		digests[path] = hex.EncodeToString(sum[:])
	}
	return digests
}

// LayOut writes the files into the folder dir, which it makes. Each can be started.
func (f Files) LayOut(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for path, data := range f {
		path = filepath.FromSlash(path)
		if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(path, data, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Copy reads the files as Read does and writes them into the folder dir. Its error has all faults,
// each a *sweep.FieldError.
func Copy(folder string, t *sweep.Trainer, dir string) error {
	files, faults := Read(folder, t)
	if len(faults) == 0 {
		return files.LayOut(dir)
	}
	all := make([]error, len(faults))
	for i := range faults {
		all[i] = &faults[i]
	}
	return errors.Join(all...)
}

// Read reads the files of t.Files, which are below folder, that of the spec's file. What is in a
// folder counts, too, except links, __pycache__ and names that begin with a dot. A fault names
// the entry of trainer.files; so does one for a file whose digest t.Digests has and that has
// changed. Without a fault there are at most sweep.MaxTrainerFiles files of
// sweep.MaxTrainerBytes together.
func Read(folder string, t *sweep.Trainer) (Files, []sweep.FieldError) {
	r := reader{folder: folder, files: Files{}}
	for i, name := range t.Files {
		r.field, r.value = fmt.Sprintf("trainer.files[%d]", i), name
		r.entry(name)
		if r.full {
			break
		}
	}
	if len(r.faults) == 0 && len(t.Digests) > 0 {
		r.compare(t.Digests)
	}
	return r.files, r.faults
}

type reader struct {
	folder       string
	field, value string // of the entry that is read
	files        Files
	bytes        int64
	full         bool // a limit is reached
	faults       []sweep.FieldError
}

func (r *reader) fault(valid, format string, args ...any) {
	r.faults = append(r.faults, sweep.FieldError{Field: r.field, Value: r.value, Message: fmt.Sprintf(format, args...), Valid: valid})
}

const validEntry = "a file or folder below the folder of the spec's file"

// entry reads one entry of trainer.files.
func (r *reader) entry(name string) {
	if !filepath.IsLocal(name) {
		r.fault("a relative path without ..", "is not below the folder of the spec's file")
		return
	}
	full := filepath.Join(r.folder, filepath.Clean(name))
	if full != filepath.Clean(r.folder) {
		if err := file.Inside(r.folder, full); err != nil {
			r.fault("a file or folder itself", "cannot be used: %v", err)
			return
		}
	}
	info, err := os.Lstat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.fault(validEntry, "does not exist in %s", r.folder)
	case err != nil:
		r.fault(validEntry, "cannot be read: %v", err)
	case info.IsDir():
		r.tree(full)
	case !info.Mode().IsRegular():
		r.fault(validEntry, "is neither a file nor a folder")
	default:
		r.file(full)
	}
}

// tree reads the files of a folder.
func (r *reader) tree(full string) {
	found := false
	err := filepath.WalkDir(full, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != full && (strings.HasPrefix(d.Name(), ".") || d.Name() == "__pycache__"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		found = true
		if r.file(path); r.full {
			return fs.SkipAll
		}
		return nil
	})
	switch {
	case err != nil:
		r.fault(validEntry, "cannot be read: %v", err)
	case !found:
		r.fault("a folder with files", "has no files (links, __pycache__ and names that begin with a dot do not count)")
	}
}

// file reads one file.
func (r *reader) file(full string) {
	path, err := filepath.Rel(r.folder, full)
	if err != nil {
		r.fault(validEntry, "%v", err)
		return
	}
	path = filepath.ToSlash(path)
	if _, read := r.files[path]; read {
		return
	}
	if !utf8.ValidString(path) || strings.ContainsFunc(path, func(c rune) bool { return c == '\\' || unicode.IsControl(c) }) {
		r.fault("names without backslashes and control characters", "has a file %q", path)
		return
	}
	data, err := file.ReadPlain(full, sweep.MaxTrainerBytes-r.bytes)
	switch {
	case errors.Is(err, file.ErrTooLarge):
		r.full = true
		r.fault(fmt.Sprintf("at most %s together; what is larger has its own place on the workers", text.Bytes(sweep.MaxTrainerBytes)), "is too large with %s", path)
	case err != nil:
		r.fault(validEntry, "cannot be read: %v", err)
	case len(r.files) == sweep.MaxTrainerFiles:
		r.full = true
		r.fault(fmt.Sprintf("at most %d files together", sweep.MaxTrainerFiles), "has too many files: %s is one more", path)
	default:
		r.files[path] = data
		r.bytes += int64(len(data))
	}
}

// compare reports which files do not have the digests of the spec.
func (r *reader) compare(want map[string]string) {
	const valid = "the files of those digests, or no trainer.digests: `tailsweep run` fills them in"
	have := r.files.Digests()
	r.field = "trainer.digests"
	for _, path := range slices.Sorted(maps.Keys(want)) {
		r.value = path
		switch digest, there := have[path]; {
		case !there:
			r.fault(valid, "trainer.files has no such file")
		case digest != want[path]:
			r.fault(valid, "the file has the digest %.12s, the spec says %.12s", digest, want[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(have)) {
		if _, known := want[path]; !known {
			r.value = path
			r.fault(valid, "the file has no digest in the spec")
		}
	}
}
