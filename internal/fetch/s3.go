package fetch

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

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/picture"
)

// Limits of what lies under an s3:// prefix.
const (
	maxObjects = 1 << 24
	maxFolder  = 1 << 40 // bytes
	streams    = 8       // objects at a time
)

// open opens the bucket of an s3:// URL.
func (f *Fetcher) open(ctx context.Context, url string) (s store.Store, key string, err error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(url, "s3://"), "/")
	if f.Bucket == nil {
		return nil, "", fmt.Errorf("%s: no object store is configured", url)
	}
	s, err = f.Bucket(ctx, bucket)
	if errors.Is(err, store.ErrNoBucket) || errors.Is(err, store.ErrDenied) {
		err = badData(err)
	}
	return s, strings.Trim(key, "/"), err
}

// object brings one object into the file part.
func (f *Fetcher) object(ctx context.Context, url, part string, limit int64) error {
	s, key, err := f.open(ctx, url)
	if err != nil {
		return err
	}
	return f.get(ctx, s, key, part, limit)
}

// get starts anew each time: a Store does not read from the middle.
func (f *Fetcher) get(ctx context.Context, s store.Store, key, part string, limit int64) error {
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
	return f.pour(ctx, out, body, Progress{What: path.Base(key), Total: info.Size}, limit)
}

// objects brings the images and split files under an s3:// prefix into dir. An
// object that is there already, of the same size and date, is not fetched again.
func (f *Fetcher) objects(ctx context.Context, url, dir string) error {
	s, prefix, err := f.open(ctx, url)
	if err != nil {
		return err
	}
	var wanted []store.Info
	total := Progress{What: url}
	for info, err := range s.List(ctx, prefix+"/") {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(info.Key, prefix+"/")
		if strings.HasSuffix(name, "/") || !dataset.Wanted(name) {
			continue
		}
		limit, err := checkEntry(name, info.Size)
		if err != nil {
			return badData(fmt.Errorf("%s: %w", url, err))
		}
		if info.Size > limit {
			return badData(fmt.Errorf("%s: %s is larger than %d bytes", url, name, limit))
		}
		wanted = append(wanted, info)
		if total.Total += info.Size; len(wanted) > maxObjects || total.Total > maxFolder {
			return badData(fmt.Errorf("%s has more than %d images or %d GiB", url, maxObjects, maxFolder>>30))
		}
	}
	if len(wanted) == 0 {
		return badData(fmt.Errorf("%s has no pictures (%s files)", url, picture.Formats()))
	}
	return f.each(ctx, wanted, &total, func(ctx context.Context, info store.Info) error {
		dst := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(info.Key, prefix+"/")))
		if have, err := os.Lstat(dst); err == nil && have.Size() == info.Size && have.ModTime().Equal(info.Modified) {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		silent := Fetcher{}
		if err := silent.get(ctx, s, info.Key, dst+".part", info.Size); err != nil {
			return err
		}
		if err := os.Chtimes(dst+".part", info.Modified, info.Modified); err != nil {
			return err
		}
		return os.Rename(dst+".part", dst)
	})
}

// each does some objects at a time, and stops at the first error.
func (f *Fetcher) each(ctx context.Context, objects []store.Info, total *Progress, do func(context.Context, store.Info) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan store.Info)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range streams {
		wg.Go(func() {
			for info := range queue {
				if err := do(ctx, info); err != nil {
					cancel(err) // the first one counts
					return
				}
				mu.Lock()
				total.Done += info.Size
				f.progress(*total)
				mu.Unlock()
			}
		})
	}
	for _, info := range objects {
		select {
		case queue <- info:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}

// checkEntry returns how many bytes a file of this name may have, or an error where
// the name leads out of the folder.
func checkEntry(name string, size int64) (limit int64, err error) {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || size < 0 {
		return 0, fmt.Errorf("%q is no path inside a folder", name)
	}
	if strings.ToLower(path.Ext(name)) == ".txt" {
		return 1 << 30, nil
	}
	return picture.MaxFile, nil
}
