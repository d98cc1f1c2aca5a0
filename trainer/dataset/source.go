package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

// source is a dataset before its split.
type source struct {
	classes []string // names, by label; nil: those of sweep.DatasetInfo
	labels  []int    // by image
	leftOut []LeftOut

	// images returns the images of these indices, each of n values.
	images func(indices []int, n int, l Loader) (Images, error)
}

// converted makes the images of a source whose files are in memory: write writes image
// i, `[S, S, channels]` in [-1, 1], and is safe for concurrent use.
func converted(write func(dst []float32, i int)) func(indices []int, n int, l Loader) (Images, error) {
	return func(indices []int, n int, l Loader) (Images, error) {
		out := make([]float32, len(indices)*n)
		return InMemory(out, n), each(len(indices), l, func(k int) error {
			write(out[k*n:(k+1)*n], indices[k])
			return nil
		})
	}
}

// byClass lists the images of each class.
func byClass(labels []int, classes int) [][]int {
	lists := make([][]int, classes)
	for i, l := range labels {
		lists[l] = append(lists[l], i)
	}
	return lists
}

// each calls do for 0 to all-1, on every core. Of several errors it returns that of the
// smallest k. It calls l.Progress.
func each(all int, l Loader, do func(k int) error) error {
	var next, done atomic.Int64
	var mu sync.Mutex
	end, failed := all, error(nil) // no image after a broken one is needed
	before := func(k int) bool {
		mu.Lock()
		defer mu.Unlock()
		return k < end
	}
	stop := func(k int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if k < end {
			end, failed = k, err
		}
	}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for k := int(next.Add(1)) - 1; before(k); k = int(next.Add(1)) - 1 {
				if err := do(k); err != nil {
					stop(k, err)
				}
				done.Add(1)
			}
		})
	}
	l.follow(&wg, func() int { return int(done.Load()) }, all, func(err error) { stop(-1, err) })
	return failed
}

var errIrregular = errors.New("is not a regular file")

// regularSize returns the size of a regular file in bytes. Anything else, such as a pipe
// that blocks its readers, is an error.
func regularSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s %w", path, errIrregular)
	}
	return info.Size(), nil
}

// openRegular opens a regular file for reading.
func openRegular(path string) (io.ReadCloser, error) {
	if _, err := regularSize(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func badData(err error) error { return sweep.Fail(sweep.FailBadData, err) }

// badField is bad data in a field of the spec.
func badField(field, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return badData(&sweep.FieldError{Field: field, Message: err.Error(), Err: err})
}

// openError classes an error of opening or listing dataset.path. A path
// that cannot be right is a fault of the spec, which another try does not change.
func openError(d sweep.Dataset, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrNotExist):
		return badField("dataset.path", "%w; %s", err, readers()[d.Name].hint)
	case !errors.As(err, &errno): // of this package, or of os.Root about a link that leads out
		return badField("dataset.path", "%w", err)
	case slices.Contains([]syscall.Errno{syscall.EACCES, syscall.EPERM, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG}, errno):
		return badField("dataset.path", "%w", err)
	}
	return sweep.Fail(sweep.FailTransient, err)
}

// readError classes an error of reading an open file.
func readError(err error) error {
	var content *format.Error
	if errors.As(err, &content) {
		return badData(err)
	}
	return sweep.Fail(sweep.FailTransient, err)
}
