package datasets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize/english"
	"golang.org/x/sys/unix"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/lock"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// Downloader downloads datasets. Safe for concurrent use.
type Downloader struct {
	Bucket   func(ctx context.Context, name string) (store.Store, error) // opens a bucket of an s3:// URL
	HTTP     *http.Client                                                // nil: one of its own
	Progress func(Progress)                                              // may be nil; may be called concurrently
	Log      func(format string, a ...any)                               // text for people; may be nil
}

// Progress is how far a download has come.
type Progress struct {
	What  string // file or folder
	Done  int64  // bytes
	Total int64  // bytes; 0 when not known
}

// Dataset downloads what d needs and this machine does not have: what its URLs name,
// or the published set that it names without a path. A path of this machine is left
// alone. Errors of content are *sweep.FailureError.
func (dl *Downloader) Dataset(ctx context.Context, d sweep.Dataset) error {
	local, err := dataset.Local(d)
	if err != nil {
		return err
	}
	if _, published := dataset.PublishedSet(d.Name); d.Path == "" && published || sweep.Remote(d.Path) {
		if _, err := dl.Download(ctx, d.Name, d.Path, local.Path); err != nil {
			return fmt.Errorf("dataset.path: %w", err)
		}
	}
	if sweep.Remote(d.Reference) {
		if _, err := dl.Download(ctx, sweep.ImageFolder, d.Reference, local.Reference); err != nil {
			return fmt.Errorf("dataset.reference: %w", err)
		}
	}
	return nil
}

// Download downloads the files of a dataset into the folder dir, unless dir exists already,
// and reports whether it did. from is an s3:// or https:// URL or a path of this
// machine:
//
//   - image folder: an s3:// prefix, or an archive (.tar, .tar.gz, .tgz or .zip)
//   - published set: "" (its publisher), or the folder of its files
//   - CIFAR: also the archive itself
func (dl *Downloader) Download(ctx context.Context, name, from, dir string) (there bool, err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return false, fmt.Errorf("%w (%s moves the cache folder)", err, folder.CacheVariable)
	}
	release, err := lock.Take(ctx, filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".lock"), func() {
		dl.log("waiting for another process that downloads %s", dir)
	})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if there, err := occupied(dir); there || err != nil {
		return there, err
	}
	if sweep.Remote(from) {
		if err := sweep.CheckURL(from); err != nil {
			return false, badData(fmt.Errorf("%s: %w", from, err))
		}
	}
	partial := dir + ".partial"
	published, ok := dataset.PublishedSet(name)
	switch {
	case ok:
		err = dl.published(ctx, published, from, partial)
		if err == nil {
			if err = dataset.Verify(name, partial); err != nil { // permanent
				err = errors.Join(err, os.RemoveAll(partial))
			}
		}
	case name == sweep.ImageFolder:
		err = dl.folder(ctx, from, partial)
	default:
		err = badData(fmt.Errorf("dataset %q cannot be downloaded", name))
	}
	if err != nil {
		return false, err
	}
	return false, os.Rename(partial, dir)
}

func (dl *Downloader) log(format string, a ...any) {
	if dl.Log != nil {
		dl.Log(format, a...)
	}
}

// occupied reports whether dir is there, and removes it where it is empty.
func occupied(dir string) (bool, error) {
	err := unix.Rmdir(dir)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	info, statErr := os.Stat(dir)
	if statErr == nil && !info.IsDir() {
		return false, badData(fmt.Errorf("%s is not a folder", dir))
	}
	return statErr == nil, statErr
}

// published downloads the files of a published set into dir.
func (dl *Downloader) published(ctx context.Context, p dataset.Published, from, dir string) error {
	if from == "" {
		from = p.URL
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, pin := range p.Files {
		source := from
		if !isArchive(from) || len(p.Files) > 1 {
			source = strings.TrimRight(from, "/") + "/" + pin.Name
		}
		if err := dl.file(ctx, source, filepath.Join(dir, pin.Name), pin); err != nil {
			return err
		}
	}
	return nil
}

// folder downloads an image folder into dir.
func (dl *Downloader) folder(ctx context.Context, from, dir string) error {
	switch {
	case from == "":
		return badData(errors.New("an image folder needs a source: an s3:// prefix, or an archive by path or URL"))
	case strings.HasPrefix(from, "s3://") && !isArchive(from):
		return dl.objects(ctx, from, dir)
	case !isArchive(from):
		return badData(fmt.Errorf("%s: want an archive, named %s, or an s3:// prefix", from, english.WordSeries(archiveEndings, "or")))
	case !sweep.Remote(from):
		return dl.unpack(ctx, from, dir)
	}
	archive := dir + "." + filepath.Base(from)
	if err := dl.file(ctx, from, archive, dataset.Pin{Name: filepath.Base(from), Size: maxArchive}); err != nil {
		return err
	}
	if err := dl.unpack(ctx, archive, dir); err != nil {
		return errors.Join(err, os.Remove(archive))
	}
	return os.Remove(archive)
}

func (dl *Downloader) progress(p Progress) {
	if dl.Progress != nil {
		dl.Progress(p)
	}
}

func badData(err error) error {
	return sweep.Fail(sweep.FailBadData, err)
}
