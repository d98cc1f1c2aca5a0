package dataset

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// imageFiles are the images of a folder.
type imageFiles struct {
	dataset    sweep.Dataset
	background color.RGBA
	files      []string // slash-separated paths, relative to dataset.Path
}

// maxBytes bounds decoded images in memory.
const maxBytes = 32 << 30

// values is the number of values of an image.
func (p *imageFiles) values() int {
	return p.dataset.Size * p.dataset.Size * p.dataset.Channels()
}

// cached opens the decoded images, which the cache keeps: decoding is slow. A cacheError says
// that it cannot keep them.
func (p *imageFiles) cached(l Loader) (*cached, error) {
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	dir, err := folder.Cache()
	if err == nil {
		dir = filepath.Join(dir, cacheFolder)
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, &cacheError{err}
	}
	d := decoding{files: p, n: p.values(), dir: dir, key: key, loader: l}
	c, err := d.load()
	if err == nil {
		removeOld(dir)
	}
	return c, err
}

// images returns these images. They are in memory where the cache cannot keep them.
func (p *imageFiles) images(indices []int, l Loader) (Images, error) {
	c, err := p.cached(l)
	if failed, ok := errors.AsType[*cacheError](err); ok {
		return p.inMemory(indices, l, failed.err)
	}
	if err != nil {
		return nil, err
	}
	var broken []int
	for _, i := range indices {
		if c.broken[i] != 0 {
			broken = append(broken, i)
		}
	}
	slices.Sort(broken)
	if err := p.refuse(broken); err != nil {
		return nil, err
	}
	return Part(c, indices), nil
}

// inMemory decodes these images into memory. why is why the cache does not keep them.
func (p *imageFiles) inMemory(indices []int, l Loader, why error) (Images, error) {
	n := p.values()
	need := int64(len(indices)) * int64(n)
	if need > maxBytes {
		return nil, badField("dataset.size", "%d: the decoded images have %d GiB and cannot be kept in the cache: %w (valid: room in the cache, or at most %d GiB, which fit in memory)", p.dataset.Size, need>>30, why, maxBytes>>30)
	}
	l.log("decoded images are not kept: %v; they take %d MiB of memory", why, need>>20)
	pixels := make(levels, need)
	failed, err := p.tryAll(len(indices), l, func(k int) error {
		_, err := p.decode(pixels[k*n:(k+1)*n], indices[k])
		return err
	})
	if err != nil {
		return nil, err
	}
	var broken []int
	for _, u := range failed {
		broken = append(broken, indices[u.i])
	}
	slices.Sort(broken)
	return levelImages{pixels, n}, p.refuse(broken)
}

// levels are pixels of 8 bits.
type levels []byte

// levelImages are images of n pixels in memory.
type levelImages struct {
	levels
	n int
}

func (m levelImages) Len() int { return len(m.levels) / m.n }

func (m levelImages) Read(dst []float32, i int) error {
	convert(dst, m.levels[i*m.n:(i+1)*m.n])
	return nil
}

// decode writes image i, `[S, S, channels]`, and returns the digest of its file. It is safe for
// concurrent use. A FieldError says that the image cannot be read.
func (p *imageFiles) decode(dst []byte, i int) (digest [sha256.Size]byte, err error) {
	data, err := readImage(p.dataset, p.files[i])
	if err != nil {
		return digest, openError(p.dataset, err)
	}
	name := filepath.Join(p.dataset.Path, filepath.FromSlash(p.files[i]))
	err = imagefile.Decode(name, data, dst, imagefile.Options{Size: p.dataset.Size, Channels: p.dataset.Channels(), Background: p.background})
	if err != nil {
		err = badField("dataset.path", "%w", err)
	}
	return sha256.Sum256(data), err
}

// contents returns the digests of all files, zeros for those that cannot be read.
func (p *imageFiles) contents(l Loader) ([][sha256.Size]byte, error) {
	sums := make([][sha256.Size]byte, len(p.files))
	_, err := p.tryAll(len(sums), l, func(i int) error {
		data, err := readImage(p.dataset, p.files[i])
		if err != nil {
			return openError(p.dataset, err)
		}
		sums[i] = sha256.Sum256(data)
		return nil
	})
	return sums, err
}

// rule says how images are decoded.
func (p *imageFiles) rule() string {
	return fmt.Sprintf("%s%q\n%d %d %v", cacheMagic, imagefile.Rule, p.dataset.Size, p.dataset.Channels(), p.background)
}

// key is a digest of the folder's path, of the name, size and modification time of each
// image, in order, and of how they are decoded. It is made before the content of a file is
// read: a file that changes meanwhile has another key at the next load.
func (p *imageFiles) key() (key [sha256.Size]byte, err error) {
	path, err := filepath.Abs(p.dataset.Path)
	if err != nil {
		return key, openError(p.dataset, err)
	}
	root, err := os.OpenRoot(p.dataset.Path)
	if err != nil {
		return key, openError(p.dataset, err)
	}
	defer root.Close() //nolint:errcheck // nothing is written
	h := sha256.New()
	w := bufio.NewWriter(h)
	_, _ = fmt.Fprintf(w, "%s %q\n", p.rule(), path) // a hash takes every write
	for _, name := range p.files {
		info, err := fileInfo(root, p.dataset, name)
		if err != nil {
			return key, openError(p.dataset, fmt.Errorf("%s: %w", filepath.Join(p.dataset.Path, filepath.FromSlash(name)), err))
		}
		_, _ = fmt.Fprintf(w, "%q %d %d %v\n", name, info.Size(), info.ModTime().UnixNano(), info.Mode().Type())
	}
	_ = w.Flush() // as above
	return [sha256.Size]byte(h.Sum(nil)), nil
}
