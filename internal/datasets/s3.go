package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/download"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// Limits of what lies under an s3:// prefix.
const (
	maxObjects = 1 << 24
	maxFolder  = 1 << 40 // bytes
	streams    = 8       // objects at a time
)

// open opens the bucket of an s3:// URL.
func (dl *Downloader) open(ctx context.Context, url string) (s store.Store, key string, err error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	if dl.Bucket == nil {
		return nil, "", fmt.Errorf("%s: no object store is configured", url)
	}
	s, err = dl.Bucket(ctx, bucket)
	var access *store.AccessError
	if errors.Is(err, store.ErrNoBucket) || errors.As(err, &access) && access.Reason == block.Denied {
		err = badData(err) // other reasons, such as revoked keys, can be put right while a sweep runs
	}
	return s, strings.Trim(key, "/"), err
}

// get downloads one object into the file part. It starts from the beginning each time,
// since a Store does not read from the middle.
func get(ctx context.Context, s store.Store, key, part string, limit int64, progress func(done, total int64)) error {
	body, info, err := s.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return badData(err)
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read
	if info.Size > limit {
		return badData(fmt.Errorf("%s has %d bytes, want at most %d", key, info.Size, limit))
	}
	out, err := os.Create(part)
	if err != nil {
		return err
	}
	return contentError(download.Copy(ctx, out, body, download.Content{Name: path.Base(key), Total: info.Size, Limit: limit, Progress: progress}))
}

// objects downloads the images and split files under an s3:// prefix into dir. A file
// that exists with an object's name, size and date is not downloaded again. A file that
// has no object, left by an earlier try or a different prefix, is removed.
func (dl *Downloader) objects(ctx context.Context, url, dir string) error {
	s, prefix, err := dl.open(ctx, url)
	if err != nil {
		return err
	}
	var chosen []store.Info
	files, others := map[string]bool{}, 0
	total := Progress{What: url}
	for info, err := range s.List(ctx, prefix+"/") {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(info.Key, prefix+"/")
		if strings.HasSuffix(name, "/") {
			continue
		}
		if !dataset.Wanted(name) {
			others++
			continue
		}
		limit, err := checkEntry(name, info.Size)
		if err != nil {
			return badData(fmt.Errorf("%s: %w", url, err))
		}
		if info.Size > limit {
			return badData(fmt.Errorf("%s: %s is larger than %d bytes", url, name, limit))
		}
		chosen, files[name] = append(chosen, info), true
		if total.Total += info.Size; len(chosen) > maxObjects || total.Total > maxFolder {
			return badData(fmt.Errorf("%s has more than %d images or %d GiB", url, maxObjects, maxFolder>>30))
		}
	}
	if len(chosen) == 0 {
		return badData(fmt.Errorf("%s has no images (%s files)", url, imagefile.Formats()))
	}
	dl.logLeftOut(url, others)
	if err := removeOthers(dir, files); err != nil {
		return err
	}
	return dl.forEach(ctx, chosen, &total, func(ctx context.Context, info store.Info) error {
		dst := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(info.Key, prefix+"/")))
		if have, err := os.Lstat(dst); err == nil && have.Size() == info.Size && have.ModTime().Equal(info.Modified) {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		if err := get(ctx, s, info.Key, dst+".part", info.Size, nil); err != nil {
			return err
		}
		if err := os.Chtimes(dst+".part", info.Modified, info.Modified); err != nil {
			return err
		}
		return os.Rename(dst+".part", dst)
	})
}

// logLeftOut reports how many files of a source are left out.
func (dl *Downloader) logLeftOut(from string, n int) {
	if n > 0 {
		dl.log("%s: skipped %d files that are neither supported images (%s) nor split files", from, n, imagefile.Formats())
	}
}

// removeOthers removes the files below dir that are not in keep.
func removeOthers(dir string, keep map[string]bool) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name == dir {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err == nil && !keep[filepath.ToSlash(rel)] {
			err = os.Remove(name)
		}
		return err
	})
}

// forEach calls do for all objects, several at a time, until the first error.
func (dl *Downloader) forEach(ctx context.Context, objects []store.Info, total *Progress, do func(context.Context, store.Info) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streams)
	var mu sync.Mutex
	for _, info := range objects {
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := do(ctx, info); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			total.Done += info.Size
			dl.progress(*total)
			return nil
		})
	}
	return group.Wait()
}

// checkEntry returns how many bytes a file of this name may have, or an error where
// the name leads out of the folder.
func checkEntry(name string, size int64) (limit int64, err error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || size < 0 {
		return 0, fmt.Errorf("%q is not a path inside the folder", name)
	}
	if strings.ToLower(path.Ext(name)) == ".txt" {
		return 1 << 30, nil
	}
	return imagefile.MaxFile, nil
}
