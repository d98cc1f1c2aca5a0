package datasets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/download"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// file downloads one file, at most pin.Size bytes, and compares its digest where pin has
// one. dst gets its name when it is complete; an existing dst is kept.
func (dl *Downloader) file(ctx context.Context, from, dst string, pin dataset.Pin) error {
	if _, err := os.Lstat(dst); err == nil {
		return nil
	}
	progress := func(done, total int64) {
		dl.progress(Progress{What: filepath.Base(from), Done: done, Total: total})
	}
	switch {
	case strings.HasPrefix(from, "s3://"):
		s, key, err := dl.open(ctx, from)
		if err == nil {
			err = get(ctx, s, key, dst+".part", pin.Size, progress)
		}
		if err != nil {
			return err
		}
	case sweep.Remote(from):
		err := download.File(ctx, download.Request{URL: from, Path: dst, Limit: pin.Size, SHA256: pin.SHA256, Client: dl.client(), Progress: progress})
		if err == nil || ctx.Err() != nil || errors.Is(err, download.ErrContent) {
			return contentError(err)
		}
		return fmt.Errorf("%w\nget %s on a machine that reaches it, and give the file with `tailsweep data pull --from PATH`", err, from)
	default:
		if err := copyFile(ctx, from, dst+".part", pin.Size, progress); err != nil {
			return err
		}
	}
	return contentError(download.Verified(dst+".part", dst, pin.SHA256, from))
}

// contentError marks download.ErrContent as bad data.
func contentError(err error) error {
	if errors.Is(err, download.ErrContent) {
		return badData(err)
	}
	return err
}

// copyFile takes a file of this machine.
func copyFile(ctx context.Context, from, part string, limit int64, progress func(done, total int64)) error {
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
	return contentError(download.Copy(ctx, out, in, download.Content{Name: filepath.Base(from), Total: info.Size(), Limit: limit, Progress: progress}))
}

// client follows redirects to what sweep.CheckURL accepts, or with a query, since
// object stores sign the addresses that they redirect to.
func (dl *Downloader) client() *http.Client {
	if dl.HTTP != nil {
		return dl.HTTP
	}
	return &http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		bare := *next.URL
		bare.RawQuery, bare.Fragment = "", ""
		if err := sweep.CheckURL(bare.String()); err != nil {
			return fmt.Errorf("redirected to %s: %w", address.Redact(bare.String()), err)
		}
		if len(via) > 10 {
			return errors.New("redirected 10 times")
		}
		return nil
	}}
}
