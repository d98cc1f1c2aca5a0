package samples

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/npy"
)

// maxClasses bounds the names of classes in an .npz file.
const maxClasses = 10_000

// arrays is samples that are arrays of NumPy.
type arrays struct {
	where  string
	header npy.Header // of the images: `[N, S, S]` or `[N, S, S, K]`
	own    []int64    // labels, `[N]`
	names  []string   // of the classes; nil: not given
	open   func(name string) (*npy.Array, error)
	closer func() error
}

// openNPZ opens an .npz file.
func openNPZ(path string) (*Source, error) {
	f, size, err := file.OpenPlain(path, checkpoint.MaxBytes)
	if err != nil {
		return nil, plainError(err)
	}
	archive, err := npy.OpenArchive(f, size)
	if err != nil {
		return nil, errors.Join(bad(path, err.Error(), ""), f.Close())
	}
	a := &arrays{where: path, closer: f.Close}
	a.open = func(name string) (*npy.Array, error) {
		array, ok, err := archive.Open(name)
		switch {
		case err != nil:
			return nil, bad(path, fmt.Sprintf("the array %s: %v", name, err), "")
		case !ok:
			return nil, bad(path, fmt.Sprintf("has no array %s, but %q", name, shown(archive.Names())), "images (uint8, [N, S, S] or [N, S, S, 3]) and labels (integers, [N])")
		}
		return array, nil
	}
	if slices.Contains(archive.Names(), dataset.ClassesArray) {
		err = a.use(dataset.ClassesArray, func(array *npy.Array) (err error) {
			a.names, err = array.Texts(maxClasses)
			return err
		})
	}
	return a.source(err)
}

// openNPY opens the files images.npy and labels.npy of a folder.
func openNPY(dir string) (*Source, error) {
	a := &arrays{where: dir, closer: func() error { return nil }}
	a.open = func(name string) (*npy.Array, error) {
		path := filepath.Join(dir, name+".npy")
		f, _, err := file.OpenPlain(path, checkpoint.MaxBytes)
		if errors.Is(err, os.ErrNotExist) {
			return nil, bad(path, "is missing", imagesName+" and "+labelsName)
		}
		if err != nil {
			return nil, plainError(err)
		}
		array, err := npy.NewArray(struct {
			io.Reader
			io.Closer
		}{bufio.NewReaderSize(f, 1<<20), f})
		if err != nil {
			return nil, errors.Join(bad(path, err.Error(), ""), f.Close())
		}
		return array, nil
	}
	return a.source(nil)
}

// plainError is an error of file.OpenPlain.
func plainError(err error) error {
	if errors.Is(err, file.ErrNotPlain) || errors.Is(err, file.ErrTooLarge) {
		return bad("", err.Error(), "")
	}
	return readError(err)
}

// shown is the first few names.
func shown(names []string) []string { return names[:min(len(names), shownClasses)] }

// source reads the labels and the header of the images, unless there was an error.
func (a *arrays) source(err error) (*Source, error) {
	if err == nil {
		err = a.use(dataset.LabelsArray, func(array *npy.Array) (err error) {
			if len(array.Shape) != 1 {
				return fmt.Errorf("%s (valid: integers of shape [N])", array)
			}
			a.own, err = array.Integers(checkpoint.MaxSamples)
			return err
		})
	}
	if err == nil {
		err = a.use(dataset.ImagesArray, func(array *npy.Array) error {
			a.header = array.Header
			return a.check()
		})
	}
	if err != nil {
		return nil, errors.Join(err, a.closer())
	}
	return &Source{Path: a.where, content: a}, nil
}

// use opens an array.
func (a *arrays) use(name string, do func(*npy.Array) error) error {
	array, err := a.open(name)
	if err != nil {
		return err
	}
	if err := do(array); err != nil {
		_ = array.Close() // only read
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			return readError(err)
		}
		return bad(a.where, fmt.Sprintf("the array %s: %v", name, err), "")
	}
	return array.Close()
}

// check compares the header of the images with what images can be.
func (a *arrays) check() error {
	const valid = "(valid: uint8 of shape [N, S, S] or, for RGB, [N, S, S, 3], with values from 0, black, to 255)"
	h := a.header
	square := len(h.Shape) >= 3 && h.Shape[1] == h.Shape[2] && h.Shape[1] > 0
	switch {
	case h.Type != npy.Uint8:
		return fmt.Errorf("type %s %s", h.Type, valid)
	case len(h.Shape) == 4 && (h.Shape[1] == 1 || h.Shape[1] == 3) && h.Shape[2] == h.Shape[3]:
		return fmt.Errorf("shape %v has the channels first %s", h.Shape, valid)
	case len(h.Shape) == 3 && square, len(h.Shape) == 4 && square && (h.Shape[3] == 1 || h.Shape[3] == 3):
	default:
		return fmt.Errorf("shape %v %s", h.Shape, valid)
	}
	if h.Shape[0] != len(a.own) {
		return fmt.Errorf("has %d images, and labels has %d (valid: equally many)", h.Shape[0], len(a.own))
	}
	return nil
}

func (a *arrays) close() error { return a.closer() }

// stored is the number of channels that the array has.
func (a *arrays) stored() int {
	if len(a.header.Shape) == 4 {
		return a.header.Shape[3]
	}
	return 1
}

func (a *arrays) side() (int, error) { return a.header.Shape[1], nil }

func (a *arrays) labels(classes []string) ([]int, error) {
	if a.names != nil && !slices.Equal(a.names, classes) {
		return nil, bad(a.where, fmt.Sprintf("its array %s has %q, and the dataset's classes are %q", dataset.ClassesArray, shown(a.names), shown(classes)), "labels of the dataset's classes, in their order")
	}
	labels := make([]int, len(a.own))
	for i, label := range a.own {
		if label < 0 || label >= int64(len(classes)) {
			return nil, bad(a.where, fmt.Sprintf("labels[%d] is %d", i, label), fmt.Sprintf("0 to %d", len(classes)-1))
		}
		labels[i] = int(label)
	}
	return labels, nil
}

func (a *arrays) read(ctx context.Context, indices []int, f Form, use func(place int, levels []byte)) (grey bool, err error) {
	stored := a.stored()
	switch {
	case a.header.Shape[1] != f.Size:
		return false, bad(a.where, fmt.Sprintf("images of %dx%[1]d pixels", a.header.Shape[1]), fmt.Sprintf("%dx%[1]d, the dataset's size", f.Size))
	case stored < f.Channels:
		return false, bad(a.where, "grey images", "RGB, [N, S, S, 3], as the dataset is")
	}
	grey = stored > f.Channels
	var interrupted error
	err = a.use(dataset.ImagesArray, func(array *npy.Array) error {
		r, next := bufio.NewReaderSize(array, 1<<20), 0
		image := make([]byte, f.Size*f.Size*stored)
		for place, i := range indices {
			for ; next <= i; next++ { // the images between are checked by the archive's checksum alone
				if interrupted = context.Cause(ctx); interrupted != nil {
					return interrupted
				}
				if _, err := io.ReadFull(r, image); err != nil {
					return err
				}
			}
			levels := image
			if grey {
				var ok bool
				if levels, ok = greyOf(image); !ok {
					return fmt.Errorf("image %d has colours (valid: grey images, as the dataset is)", i)
				}
			}
			use(place, levels)
		}
		return nil
	})
	if interrupted != nil {
		err = interrupted
	}
	return grey, err
}

// greyOf returns the grey levels of an RGB image that has no colours.
func greyOf(rgb []byte) ([]byte, bool) {
	levels := make([]byte, 0, len(rgb)/3)
	for ; len(rgb) > 0; rgb = rgb[3:] {
		if rgb[0] != rgb[1] || rgb[1] != rgb[2] {
			return nil, false
		}
		levels = append(levels, rgb[0])
	}
	return levels, true
}
