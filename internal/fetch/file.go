package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/cache"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// file fetches one file, at most pin.Size bytes, and compares its digest when pin
// has one. dst gets its name when it is whole; one that is there is kept.
func (f *Fetcher) file(ctx context.Context, from, dst string, pin dataset.Pin) error {
	if _, err := os.Lstat(dst); err == nil {
		return nil
	}
	part := dst + ".part"
	var err error
	switch {
	case strings.HasPrefix(from, "s3://"):
		err = f.object(ctx, from, part, pin.Size)
	case sweep.Remote(from):
		err = f.download(ctx, from, part, pin.Size)
	default:
		err = f.copy(ctx, from, part, pin.Size)
	}
	if err != nil {
		return err
	}
	if pin.SHA256 != "" {
		sum, err := cache.Digest(part)
		if err != nil {
			return err
		}
		if sum != pin.SHA256 {
			return errors.Join(badData(fmt.Errorf("%s has sha256 %s, want %s", from, sum, pin.SHA256)), os.Remove(part))
		}
	}
	return os.Rename(part, dst)
}

// copy takes a file of this machine.
func (f *Fetcher) copy(ctx context.Context, from, part string, limit int64) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return badData(err)
	case !info.Mode().IsRegular():
		return badData(fmt.Errorf("%s is not a regular file", from))
	}
	in, err := os.Open(from)
	if err != nil {
		return badData(err)
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.Create(part)
	if err != nil {
		return err
	}
	return f.pour(ctx, out, in, Progress{What: filepath.Base(from), Total: info.Size()}, limit)
}

// pour copies what is left of in to out and closes out, which is flushed first.
// p.Done is what out holds already; more than limit bytes in all are an error.
func (f *Fetcher) pour(ctx context.Context, out *os.File, in io.Reader, p Progress, limit int64) error {
	buf := make([]byte, 256<<10)
	var err error
	for err == nil {
		if err = context.Cause(ctx); err != nil {
			break
		}
		var n int
		n, err = in.Read(buf)
		if p.Done+int64(n) > limit {
			err = badData(fmt.Errorf("%s is larger than %d bytes", p.What, limit))
			break
		}
		if _, failed := out.Write(buf[:n]); failed != nil {
			err = failed
		}
		p.Done += int64(n)
		f.progress(p)
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if p.Total > 0 && p.Done != p.Total {
			err = fmt.Errorf("%s: %d of %d bytes: %w", p.What, p.Done, p.Total, io.ErrUnexpectedEOF)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
