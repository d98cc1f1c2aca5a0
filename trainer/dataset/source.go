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

	// images returns the images of these indices, `[len(indices), S, S, channels]` in
	// [-1, 1], each of n numbers.
	images func(indices []int, n int, l Loader) ([]float32, error)
}

// converted makes the images of a source whose files are in memory: write writes image
// i, `[S, S, channels]` in [-1, 1], and is safe for concurrent use.
func converted(write func(dst []float32, i int)) func(indices []int, n int, l Loader) ([]float32, error) {
	return func(indices []int, n int, l Loader) ([]float32, error) {
		out := make([]float32, len(indices)*n)
		return out, each(out, n, l, func(dst []float32, k int) error {
			write(dst, indices[k])
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

// each has write fill in every n numbers of out, on every core; k counts them. Of
// several errors it returns that of the first k. It calls l.Progress.
func each[T any](out []T, n int, l Loader, write func(dst []T, k int) error) error {
	all := len(out) / n
	var next, done, failed atomic.Int64
	failed.Store(int64(all))
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for worker := range errs {
		wg.Go(func() {
			for {
				k := next.Add(1) - 1
				if k >= failed.Load() { // no image after a broken one is needed
					return
				}
				if err := write(out[k*int64(n):(k+1)*int64(n)], int(k)); err != nil {
					errs[worker] = &imageError{k, err}
					for old := failed.Load(); k < old && !failed.CompareAndSwap(old, k); old = failed.Load() {
					}
					return
				}
				done.Add(1)
			}
		})
	}
	stopped := l.follow(&wg, func() int { return int(done.Load()) }, all, func() { failed.Store(-1) })
	var first *imageError
	for _, err := range errs {
		var e *imageError
		if errors.As(err, &e) && (first == nil || e.at < first.at) {
			first = e
		}
	}
	switch {
	case stopped != nil:
		return stopped
	case first != nil:
		return first.err
	}
	return nil
}

type imageError struct {
	at  int64
	err error
}

func (e *imageError) Error() string { return e.err.Error() }

var errIrregular = errors.New("is not a regular file")

// openRegular opens a file for reading, and nothing that could block for ever.
func openRegular(path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %w", path, errIrregular)
	}
	return os.Open(path)
}

func badData(err error) error { return sweep.Fail(sweep.FailBadData, err) }

// badField is bad data in a field of the spec.
func badField(field, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return badData(&sweep.FieldError{Field: field, Message: err.Error(), Err: err})
}

// openError classes an error of opening or listing what dataset.path holds. A path
// that cannot be right is a fault of the spec, which another try does not change.
func openError(d sweep.Dataset, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrNotExist):
		return badField("dataset.path", "%w; %s", err, readerOf(d.Name).hint)
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
