package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Inside returns an error unless path is below the folder dir, and no part of it below
// dir is a link: another process may have made it. path need not exist.
func Inside(dir, path string) error {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	if rel == "." || !filepath.IsLocal(rel) {
		return fmt.Errorf("%q is not inside %q", path, dir)
	}
	part := dir
	for name := range strings.SplitSeq(rel, string(filepath.Separator)) {
		part = filepath.Join(part, name)
		info, err := os.Lstat(part)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if info.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("%s is a link", part)
		}
	}
	return nil
}

// Errors of a file that another process may have made; test with errors.Is.
var (
	ErrNotPlain = errors.New("is not a plain file")
	ErrTooLarge = errors.New("is too large")
)

// OpenPlain opens a plain file of at most limit bytes, and returns its size. It follows no
// link at the end of the path, and waits for no other process.
func OpenPlain(path string, limit int64) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s %w", path, ErrNotPlain)
	case info.Size() > limit:
		err = fmt.Errorf("%s %w: it has %d bytes, and at most %d are read", path, ErrTooLarge, info.Size(), limit)
	default:
		return f, info.Size(), nil
	}
	_ = f.Close() // only read
	return nil, 0, err
}

// ReadPlain reads a plain file of at most limit bytes, as OpenPlain opens it.
func ReadPlain(path string, limit int64) ([]byte, error) {
	f, _, err := OpenPlain(path, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit { // it grew
		err = fmt.Errorf("%s %w: it has more than %d bytes", path, ErrTooLarge, limit)
	}
	return data, err
}

// SHA256Plain is SHA256 of a plain file of at most limit bytes, as OpenPlain opens it.
func SHA256Plain(path string, limit int64) (string, error) {
	f, _, err := OpenPlain(path, limit)
	if err != nil {
		return "", err
	}
	return digest(f, path)
}
