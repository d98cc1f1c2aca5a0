package datasets

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// Limits of an archive. Images do not compress, so a large growth means a zip bomb.
const (
	maxArchive = 1 << 40 // bytes
	maxGrowth  = 20      // times its size, unpacked
	freeGrowth = 1 << 30 // bytes that even a small archive may unpack to
)

// archiveEndings are the ends of the names of archives.
var archiveEndings = []string{".tar", ".tar.gz", ".tgz", ".zip"}

// isArchive reports whether a path or URL is an archive and not a folder, by its name.
func isArchive(name string) bool {
	name = strings.ToLower(name)
	for _, end := range archiveEndings {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// unpack writes the images and split files of an archive into the folder dir, which it
// makes empty first. If the archive has one folder with all its files, dir is that folder.
func (dl *Downloader) unpack(ctx context.Context, archive, dir string) (err error) {
	in, err := os.Open(archive)
	if err != nil {
		return badData(err)
	}
	defer in.Close() //nolint:errcheck // only read
	info, err := in.Stat()
	if err == nil {
		err = os.RemoveAll(dir)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // its files are closed one by one
	w := &unpacker{ctx: ctx, root: root, left: freeGrowth + maxGrowth*info.Size()}
	if strings.HasSuffix(strings.ToLower(archive), ".zip") {
		err = w.zip(in, info.Size())
	} else {
		err = w.tar(in, !strings.HasSuffix(strings.ToLower(archive), ".tar"))
	}
	var local *fs.PathError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &local) && !errors.Is(err, fs.ErrExist): // of this machine, such as a full disk
		return err
	case err != nil:
		return badData(fmt.Errorf("%s: after %d files: %w", archive, w.files, err))
	case w.files == 0:
		return badData(fmt.Errorf("%s has no images (%s files)", archive, imagefile.Formats()))
	}
	dl.logLeftOut(archive, w.others)
	return unwrap(dir)
}

// unwrap moves the content of a folder into dir if that folder is the only entry of dir.
func unwrap(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || !entries[0].IsDir() {
		return err
	}
	aside := dir + ".unwrap"
	if err := os.RemoveAll(aside); err != nil { // left by a process that ended here
		return err
	}
	if err := os.Rename(filepath.Join(dir, entries[0].Name()), aside); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil {
		return err
	}
	return os.Rename(aside, dir)
}

type unpacker struct {
	ctx    context.Context
	root   *os.Root
	left   int64 // bytes that may still be written
	files  int
	others int // files that are not unpacked
}

func (u *unpacker) tar(in io.Reader, packed bool) error {
	if packed {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = io.LimitReader(z, u.left) // skipped files count too
	}
	archive := tar.NewReader(in)
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case header.Typeflag == tar.TypeReg:
			err = u.write(header.Name, header.Size, archive)
		case header.Typeflag == tar.TypeLink, header.Typeflag == tar.TypeSymlink:
			err = fmt.Errorf("%q is a link, which is not unpacked", header.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (u *unpacker) zip(in io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(in, size)
	if err != nil {
		return err
	}
	if len(archive.File) > maxObjects {
		return fmt.Errorf("has %d files, more than %d", len(archive.File), maxObjects)
	}
	for _, f := range archive.File {
		mode := f.Mode()
		switch {
		case mode.IsDir():
			continue
		case !mode.IsRegular():
			return fmt.Errorf("%q is a link or a device, which is not unpacked", f.Name)
		}
		body, err := f.Open()
		if err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
		err = u.write(f.Name, int64(f.UncompressedSize64), body)
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
	}
	return nil
}

// write unpacks one file. The archive gives the size, which may be wrong.
func (u *unpacker) write(name string, size int64, body io.Reader) error {
	if err := context.Cause(u.ctx); err != nil {
		return err
	}
	name = strings.TrimPrefix(name, "./")
	limit, err := checkEntry(name, size)
	if err != nil {
		return err
	}
	if !dataset.Wanted(name) {
		u.others++
		return nil
	}
	if u.files++; u.files > maxObjects {
		return fmt.Errorf("has more than %d files", maxObjects)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	out, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	limit = min(limit, u.left)
	n, err := io.Copy(out, io.LimitReader(body, limit+1))
	u.left -= n
	if err == nil && n > limit {
		err = fmt.Errorf("%q is larger than %d bytes, or the archive unpacks to more than %d times its size", name, limit, maxGrowth)
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	return nil
}
