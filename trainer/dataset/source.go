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
)

// source is a dataset before its split.
type source struct {
	classes []string
	labels  []int                            // by image
	image   func(dst []float32, i int) error // writes image i, `[S,S,channels]` in [-1, 1]; safe for concurrent use

	pictures *pictures // of an image folder, which has no image
}

// openSource reads what d names, which check has let through, from local paths.
func openSource(d sweep.Dataset) (*source, error) {
	switch d.Name {
	case sweep.FashionMNIST10k, sweep.FashionMNIST:
		return openFashion(d)
	case sweep.CIFAR10:
		return cifar10.open(d)
	case sweep.CIFAR100:
		return cifar100.open(d)
	}
	return openFolder(d)
}

// byClass lists the images of each class.
func (s *source) byClass() [][]int {
	lists := make([][]int, len(s.classes))
	for i, l := range s.labels {
		lists[l] = append(lists[l], i)
	}
	return lists
}

// images returns these images, `[len(indices),S,S,channels]`, each of n numbers. Of an
// image folder they are taken from the cache where it has them (see pictures).
func (s *source) images(indices []int, n int, l Loader) ([]float32, error) {
	out := make([]float32, len(indices)*n)
	if s.pictures == nil {
		return out, each(out, n, l, func(dst []float32, k int) error { return s.image(dst, indices[k]) })
	}
	pixels, err := s.pictures.load(indices, n, l)
	if err != nil {
		return nil, err
	}
	for i, v := range pixels {
		out[i] = float32(v)/127.5 - 1
	}
	return out, nil
}

// each has write fill in every n numbers of out, on every core; k counts them. Of
// several errors it returns that of the first k. l.Progress hears how far it is.
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
				if k >= failed.Load() { // no image after a broken one is wanted
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

// openError classes an error of opening or listing what dataset.path holds: a path
// that cannot be right is the spec's fault, and trying again mends nothing.
func openError(d sweep.Dataset, err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, os.ErrNotExist):
		return badData(fmt.Errorf("dataset.path: %w; %s", err, hint(d)))
	case !errors.As(err, &errno): // of this package, or of os.Root about a link that leads out
		return badData(fmt.Errorf("dataset.path: %w", err))
	case slices.Contains([]syscall.Errno{syscall.EACCES, syscall.EPERM, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG}, errno):
		return badData(fmt.Errorf("dataset.path: %w", err))
	}
	return sweep.Fail(sweep.FailTransient, err)
}

// readError classes an error of reading an open file.
func readError(err error) error {
	var format *FormatError
	if errors.As(err, &format) {
		return badData(err)
	}
	return sweep.Fail(sweep.FailTransient, err)
}

// hint says where the files of d can be had.
func hint(d sweep.Dataset) string {
	switch d.Name {
	case sweep.FashionMNIST:
		return "`tailsweep data pull fashion-mnist` fetches the files, and Debian's package dataset-fashion-mnist has them"
	case sweep.ImageFolder:
		return "it is looked for on the machine that trains (valid: a folder with a folder of images for each class, or an s3:// or https:// URL)"
	}
	return "`tailsweep data pull " + d.Name + "` fetches the archive"
}
