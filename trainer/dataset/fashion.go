package dataset

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tailsweep/tailsweep/sweep"
)

// side of a published image, in pixels.
const side = 28

//go:embed data/*.gz
var builtin embed.FS

// fashionClasses are in the order of the labels.
var fashionClasses = []string{
	"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
}

// ClassName is the name of a class, 0 <= class < 10.
func ClassName(class int) string { return fashionClasses[class] }

// idxFile is a pinned file. Its digest is of the decompressed content, since
// distributors compress it anew.
type idxFile struct {
	name   string
	rank   int
	size   int64 // bytes, decompressed
	digest string
}

type idxPair struct{ images, labels idxFile }

var fashionTest = idxPair{
	images: idxFile{"t10k-images-idx3-ubyte.gz", 3, 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
	labels: idxFile{"t10k-labels-idx1-ubyte.gz", 1, 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
}

var fashionTrain = idxPair{
	images: idxFile{"train-images-idx3-ubyte.gz", 3, 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
	labels: idxFile{"train-labels-idx1-ubyte.gz", 1, 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
}

// raw is what a pair of files holds.
type raw struct {
	pixels []byte // `[N, 28, 28]`, 0 is background
	labels []byte // `[N]`
}

func (r raw) image(i int) []byte { return r.pixels[i*side*side : (i+1)*side*side] }

// readFashion reads the source that d names.
func readFashion(d sweep.Dataset) (raw, error) {
	switch d.Name {
	case sweep.FashionMNIST10k:
		return fashionTest.read(func(name string) (io.ReadCloser, error) { return builtin.Open("data/" + name) }, "built-in ")
	case sweep.FashionMNIST:
		if d.Path == "" {
			return raw{}, badData(fmt.Errorf("dataset.path: empty; dataset %s needs the folder that holds %s and %s",
				d.Name, fashionTrain.images.name, fashionTrain.labels.name))
		}
		return fashionTrain.read(func(name string) (io.ReadCloser, error) { return openRegular(filepath.Join(d.Path, name)) }, d.Path+string(filepath.Separator))
	}
	return raw{}, badData(fmt.Errorf("dataset.name: unknown dataset %q (valid: %s, %s)", d.Name, sweep.FashionMNIST10k, sweep.FashionMNIST))
}

func (p idxPair) read(open func(name string) (io.ReadCloser, error), where string) (raw, error) {
	pixels, dims, err := p.images.read(open, where)
	if err != nil {
		return raw{}, err
	}
	labels, labelDims, err := p.labels.read(open, where)
	if err != nil {
		return raw{}, err
	}
	if dims[0] != labelDims[0] || dims[1] != side || dims[2] != side {
		return raw{}, badData(fmt.Errorf("%s%s holds %v, %s %v", where, p.images.name, dims, p.labels.name, labelDims))
	}
	for i, l := range labels {
		if int(l) >= len(fashionClasses) {
			return raw{}, badData(&FormatError{File: where + p.labels.name, Offset: int64(8 + i), Reason: fmt.Sprintf("label %d, want 0 to 9", l)})
		}
	}
	return raw{pixels: pixels, labels: labels}, nil
}

// read returns the content of one file, checked against its pinned digest.
func (f idxFile) read(open func(name string) (io.ReadCloser, error), where string) (body []byte, dims []int, err error) {
	in, err := open(f.name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil, badData(fmt.Errorf("dataset.path: %w; Debian's package dataset-fashion-mnist has the file", err))
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, errIrregular):
		return nil, nil, badData(fmt.Errorf("dataset.path: %w", err))
	case err != nil:
		return nil, nil, fail(sweep.FailTransient, err)
	}
	name := where + f.name
	data, err := gunzip(name, in, f.size)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	var format *FormatError
	switch {
	case errors.As(err, &format):
		return nil, nil, badData(err)
	case err != nil:
		return nil, nil, fail(sweep.FailTransient, err)
	}
	dims, body, err = parseIDX(name, data, f.rank)
	if err != nil {
		return nil, nil, badData(err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != f.digest {
		return nil, nil, badData(fmt.Errorf("%s: its decompressed content has sha256 %s, want %s", name, got, f.digest))
	}
	return body, dims, nil
}

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

func badData(err error) error { return fail(sweep.FailBadData, err) }

func fail(class sweep.FailureClass, err error) error {
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: err.Error()}, Err: err}
}
