package dataset

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"path/filepath"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

// side of a published image, in pixels, and the number of classes.
const (
	side           = 28
	fashionClasses = 10
)

//go:embed data/*.gz
var builtin embed.FS

// idxFile is a pinned file. Its digest is of the decompressed content, since
// distributors compress it again.
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

// open reads a pair of files: the test images are built in, the others in d.Path.
func (p idxPair) open(d sweep.Dataset) (*source, error) {
	pixels, labels, err := p.read(d)
	if err != nil {
		return nil, err
	}
	s := &source{labels: make([]int, len(labels))}
	for i, l := range labels {
		s.labels[i] = int(l)
	}
	s.images = converted(func(dst []float32, i int) { greyImage(dst, pixels[i*side*side:(i+1)*side*side], d.Size) })
	return s, nil
}

func (p idxPair) published() Published {
	return Published{
		URL:   "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
		Files: []Pin{{Name: p.images.name, Size: p.images.size}, {Name: p.labels.name, Size: p.labels.size}},
	}
}

// read returns the pixels `[N, 28, 28]`, where 0 is the background, and the labels `[N]`.
func (p idxPair) read(d sweep.Dataset) (pixels, labels []byte, err error) {
	open := func(name string) (io.ReadCloser, error) { return openRegular(filepath.Join(d.Path, name)) }
	where := d.Path + string(filepath.Separator)
	if d.Name == sweep.FashionMNIST10k {
		open = func(name string) (io.ReadCloser, error) { return builtin.Open("data/" + name) }
		where = "built-in "
	}
	pixels, dims, err := p.images.read(d, open, where)
	if err != nil {
		return nil, nil, err
	}
	labels, labelDims, err := p.labels.read(d, open, where)
	if err != nil {
		return nil, nil, err
	}
	if dims[0] != labelDims[0] || dims[1] != side || dims[2] != side {
		return nil, nil, badData(fmt.Errorf("%s%s has dimensions %v, %s %v", where, p.images.name, dims, p.labels.name, labelDims))
	}
	for i, l := range labels {
		if l >= fashionClasses {
			return nil, nil, badData(&format.Error{File: where + p.labels.name, Offset: int64(8 + i), Packed: true, Reason: fmt.Sprintf("label %d, want 0 to %d", l, fashionClasses-1)})
		}
	}
	return pixels, labels, nil
}

// read returns the content of one file, checked against its pinned digest.
func (f idxFile) read(d sweep.Dataset, open func(name string) (io.ReadCloser, error), where string) (body []byte, dims []int, err error) {
	in, err := open(f.name)
	if err != nil {
		return nil, nil, openError(d, err)
	}
	name := where + f.name
	data, err := format.Gunzip(name, in, f.size)
	if closeErr := in.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, nil, readError(err)
	}
	dims, body, err = format.ParseIDX(name, data, f.rank)
	if err != nil {
		return nil, nil, badData(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != f.digest {
		return nil, nil, badData(fmt.Errorf("%s: its decompressed content has sha256 %s, want %s", name, got, f.digest))
	}
	return body, dims, nil
}

// greyImage writes a published image at size 28, or padded with 2 pixels of
// background to 32 and averaged 2x2 at size 16, with 0..255 mapped to [-1, 1].
func greyImage(dst []float32, px []byte, size int) {
	if size == side {
		convert(dst, px)
		return
	}
	at := func(y, x int) int {
		y, x = y-2, x-2
		if y < 0 || y >= side || x < 0 || x >= side {
			return 0
		}
		return int(px[y*side+x])
	}
	for y := 0; y < 32; y += 2 {
		for x := 0; x < 32; x += 2 {
			sum := at(y, x) + at(y, x+1) + at(y+1, x) + at(y+1, x+1)
			dst[y/2*16+x/2] = float32(sum)/(4*127.5) - 1
		}
	}
}
