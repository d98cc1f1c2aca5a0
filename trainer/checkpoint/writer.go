package checkpoint

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Writer writes one checkpoint folder, which gets its final name in Commit, complete.
type Writer struct {
	manifest Manifest
	parent   string
	tmp      string // "" after Commit or Abort
}

// tmpMark is in the name of a folder that is being written: a dot, DirName, tmpMark, a process id.
const tmpMark = ".tmp-"

// Create starts the checkpoint parent/step-%010d with the step and provenance of m. The
// writer sets m.Version and m.Files. Create removes what a killed writer of the same step
// left behind. End with Commit, and defer Abort.
func Create(parent string, m Manifest) (*Writer, error) {
	if m.Step < 0 {
		return nil, fmt.Errorf("checkpoint: step %d is negative", m.Step)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	prefix := "." + DirName(m.Step) + tmpMark
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
				return nil, fmt.Errorf("checkpoint: remove what an earlier attempt left: %w", err)
			}
		}
	}
	tmp := filepath.Join(parent, prefix+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	m.Version = ManifestVersion
	m.Files = nil
	return &Writer{manifest: m, parent: parent, tmp: tmp}, nil
}

// File adds the file at path, relative to the folder, with the content that write writes.
// The file is synced to disk when File returns.
func (w *Writer) File(path string, write func(io.Writer) error) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	if _, ok := w.manifest.File(path); ok {
		return fmt.Errorf("checkpoint: %s is written twice", path)
	}
	file, err := w.write(path, write)
	if err != nil {
		return w.explain(path, err)
	}
	w.manifest.Files = append(w.manifest.Files, file)
	return nil
}

// Bytes adds a file with this content.
func (w *Writer) Bytes(path string, data []byte) error { return w.File(path, content(data)) }

func content(data []byte) func(io.Writer) error {
	return func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	}
}

// Commit writes the manifest, syncs the folder to disk, and renames it to its final name,
// which it returns. If a complete checkpoint with the same files has that name already,
// Commit succeeds; any other folder of that name is an error that wraps fs.ErrExist.
func (w *Writer) Commit() (string, error) {
	slices.SortFunc(w.manifest.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	if err := w.manifest.check(); err != nil {
		return "", err
	}
	data, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	_, err = w.write(ManifestName, content(append(data, '\n')))
	if err == nil {
		err = syncTree(w.tmp)
	}
	if err != nil {
		return "", w.explain(ManifestName, err)
	}
	final := filepath.Join(w.parent, DirName(w.manifest.Step))
	if _, err := os.Lstat(final); err == nil {
		return w.keepExisting(final)
	}
	if err := os.Rename(w.tmp, final); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	w.tmp = ""
	if err := syncDir(w.parent); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return final, nil
}

// Abort removes what was written. It does nothing after Commit.
func (w *Writer) Abort() error {
	if w.tmp == "" {
		return nil
	}
	if err := os.RemoveAll(w.tmp); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	w.tmp = ""
	return nil
}

func (w *Writer) keepExisting(final string) (string, error) {
	there, err := Verify(final)
	if err != nil || !slices.Equal(there.Files, w.manifest.Files) {
		return "", fmt.Errorf("checkpoint: %s: %w with other content; remove it or write elsewhere", final, fs.ErrExist)
	}
	return final, w.Abort()
}

func (w *Writer) write(path string, write func(io.Writer) error) (File, error) {
	if w.tmp == "" {
		return File{}, errors.New("the writer has ended")
	}
	full := filepath.Join(w.tmp, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return File{}, err
	}
	f, err := os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return File{}, err
	}
	h := sha256.New()
	buf := bufio.NewWriterSize(f, 1<<20)
	err = write(io.MultiWriter(buf, h))
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return File{}, err
	}
	size, err := plainSize(full)
	return File{Path: path, Size: size, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

func (w *Writer) explain(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("checkpoint: the disk under %s is full at %s of step %d; earlier checkpoints there are untouched: %w",
			w.parent, path, w.manifest.Step, err)
	}
	return fmt.Errorf("checkpoint: write %s of step %d: %w", path, w.manifest.Step, err)
}

// syncTree makes the names in a folder and in the folders below it durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
