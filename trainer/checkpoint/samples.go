package checkpoint

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
)

// Limits on the images that a program writes, and on SamplesName. The tar file has at most
// MaxBytes.
const (
	MaxSamples         = 1_000_000
	MaxSampleBytes     = 64 << 20 // of one file
	MaxSampleNameBytes = 1_000    // of its path below SamplesDir
)

// pack writes the files of the folder dir into SamplesName, and removes the folder. The same
// files give the same bytes: names in order, no times, owners or modes.
func (w *Writer) pack(dir string) error {
	if _, err := os.Lstat(filepath.Join(w.tmp, SamplesName)); err == nil {
		return reserved(SamplesName)
	}
	packed, err := w.write(SamplesName, func(out io.Writer) error {
		to := tar.NewWriter(out)
		entries, folders := 0, 0
		var bytes int64
		err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if folders++; folders > MaxSamples {
					return refused("%s has more than %d folders", SamplesDir, MaxSamples)
				}
				return nil
			}
			name, err := filepath.Rel(dir, full)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			if entries++; entries > MaxSamples {
				return refused("%s has more than %d files", SamplesDir, MaxSamples)
			}
			if len(name) > MaxSampleNameBytes {
				return refused("%s has a file whose path has more than %d bytes: %.100q...", SamplesDir, MaxSampleNameBytes, name)
			}
			size, err := packFile(to, full, name)
			if bytes += size; err == nil && bytes > MaxBytes {
				err = refused("%s has more than %s", SamplesDir, text.Bytes(MaxBytes))
			}
			return err
		})
		return errors.Join(err, to.Close())
	})
	if err != nil {
		return w.explain(SamplesName, err)
	}
	w.manifest.Files = append(w.manifest.Files, packed)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// packFile adds one file of at most MaxSampleBytes.
func packFile(to *tar.Writer, full, name string) (size int64, err error) {
	f, size, err := openWritten(full, SamplesDir+"/"+name, MaxSampleBytes)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read
	if err := to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		return 0, err
	}
	n, err := io.Copy(to, f)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n != size {
		err = refused("%s/%s changed after the checkpoint was reported", SamplesDir, name)
	}
	return size, err
}

// Sample is one file of SamplesName.
type Sample struct {
	Name string // its path below SamplesDir, with slashes; it stays inside, and has any characters
	Size int64  // bytes, at most MaxSampleBytes
}

// Samples reads the files of a SamplesName, one after another. End with Close.
type Samples struct {
	path    string
	file    io.Closer
	tar     *tar.Reader
	last    string
	entries int
}

// OpenSamples opens the tar file at path, which is untrusted. One that cannot be such a file is
// an error that wraps ErrCorrupt, here or in Next or Read.
func OpenSamples(path string) (*Samples, error) {
	f, _, err := file.OpenPlain(path, MaxBytes)
	if errors.Is(err, file.ErrTooLarge) || errors.Is(err, file.ErrNotPlain) {
		return nil, corruptf("%v", err)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return readSamples(path, bufio.NewReaderSize(f, 1<<20), f), nil
}

func readSamples(path string, content io.Reader, file io.Closer) *Samples {
	return &Samples{path: path, file: file, tar: tar.NewReader(content)}
}

// Next moves to the next file, in the order of their paths. After the last one the error is io.EOF.
func (s *Samples) Next() (Sample, error) {
	h, err := s.tar.Next()
	if err == io.EOF {
		return Sample{}, err
	}
	if err != nil {
		return Sample{}, s.explain(err)
	}
	if fault := s.fault(h); fault != "" {
		return Sample{}, corruptf("%s: the file %.*q %s", s.path, MaxSampleNameBytes, h.Name, fault)
	}
	s.last = h.Name
	s.entries++
	return Sample{Name: h.Name, Size: h.Size}, nil
}

// fault returns why an entry cannot be of a SamplesName, "" if it can.
func (s *Samples) fault(h *tar.Header) string {
	switch {
	case h.Typeflag != tar.TypeReg:
		return "is not a plain file"
	case s.entries == MaxSamples:
		return fmt.Sprintf("is one more than the %d that are read", MaxSamples)
	case h.Size < 0, h.Size > MaxSampleBytes:
		return "has more than " + text.Bytes(MaxSampleBytes)
	case len(h.Name) > MaxSampleNameBytes:
		return fmt.Sprintf("has a path of more than %d bytes", MaxSampleNameBytes)
	case !inFolder(h.Name):
		return "has a path that leaves its folder"
	case s.entries > 0 && !before(s.last, h.Name):
		return "is out of order or there twice"
	}
	for key := range h.PAXRecords {
		if key != "path" { // such as that of a sparse file, which is larger than what is stored of it
			return "is written with extensions that tailsweep does not use"
		}
	}
	return ""
}

// inFolder reports whether name is a clean path of a file below a folder. fs.ValidPath refuses
// names that are not UTF-8.
func inFolder(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsRune(part, 0) {
			return false
		}
	}
	return true
}

// before reports whether filepath.WalkDir comes to a before b.
func before(a, b string) bool {
	return strings.ReplaceAll(a, "/", "\x00") < strings.ReplaceAll(b, "/", "\x00")
}

// Read reads the content of the file that Next returned.
func (s *Samples) Read(p []byte) (int, error) {
	n, err := s.tar.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers compare it, too
		err = s.explain(err)
	}
	return n, err
}

// explain tells a failure of the disk from a file that is not what it should be.
func (s *Samples) explain(err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return corruptf("%s: %v", s.path, err)
}

// Close closes the file.
func (s *Samples) Close() error { return s.file.Close() }
