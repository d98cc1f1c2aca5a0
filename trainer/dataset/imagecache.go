package dataset

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

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

// images returns these images, of n values each. Decoding is slow: their pixels are kept in
// the cache, or in memory where the cache cannot be written.
func (p *imageFiles) images(indices []int, n int, l Loader) (Images, error) {
	key, err := p.key(indices)
	if err != nil {
		return nil, err
	}
	dir, err := folder.Cache()
	if err == nil {
		dir = filepath.Join(dir, cacheFolder)
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return p.inMemory(indices, n, l, err)
	}
	d := decoding{files: p, indices: indices, n: n, dir: dir, key: key, loader: l}
	im, err := d.load()
	if failed, ok := errors.AsType[*cacheError](err); ok {
		return p.inMemory(indices, n, l, failed.err)
	}
	removeOld(dir)
	return im, err
}

// inMemory decodes these images into memory. why is why the cache does not keep them.
func (p *imageFiles) inMemory(indices []int, n int, l Loader, why error) (Images, error) {
	need := int64(len(indices)) * int64(n)
	if need > maxBytes {
		return nil, badField("dataset.size", "%d: the decoded images have %d GiB and cannot be kept in the cache: %w (valid: room in the cache, or at most %d GiB, which fit in memory)", p.dataset.Size, need>>30, why, maxBytes>>30)
	}
	l.log("decoded images are not kept: %v; they take %d MiB of memory", why, need>>20)
	pixels := make(levels, need)
	err := p.decodeAll(indices, n, l, func(k int, image []byte, _ [sha256.Size]byte) error {
		copy(pixels[k*n:], image)
		return nil
	})
	return levelImages{pixels, n}, err
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

// decodeAll decodes these images and passes the pixels of each, and the digest of its file, to
// take, from several goroutines. Images that cannot be read are one error.
func (p *imageFiles) decodeAll(indices []int, n int, l Loader, take func(k int, image []byte, digest [sha256.Size]byte) error) error {
	failed, err := p.tryAll(indices, n, l, take)
	if err == nil && len(failed) > 0 {
		err = unreadableError(failed, len(failed))
	}
	return err
}

// decode writes image i, `[S, S, channels]`, and returns the digest of its file. It is safe for
// concurrent use. A FieldError says that the image cannot be read.
func (p *imageFiles) decode(dst []byte, i int) (digest [sha256.Size]byte, err error) {
	name := filepath.Join(p.dataset.Path, filepath.FromSlash(p.files[i]))
	data, err := readImage(p.dataset, p.files[i])
	if err != nil {
		return digest, openError(p.dataset, err)
	}
	err = imagefile.Decode(name, data, dst, imagefile.Options{Size: p.dataset.Size, Channels: p.dataset.Channels(), Background: p.background})
	if err != nil {
		return digest, badField("dataset.path", "%w", err)
	}
	return sha256.Sum256(data), nil
}

// contents returns the digests of the files of these images.
func (p *imageFiles) contents(indices []int, l Loader) ([][sha256.Size]byte, error) {
	sums := make([][sha256.Size]byte, len(indices))
	return sums, each(len(indices), l, func(k int) error {
		data, err := readImage(p.dataset, p.files[indices[k]])
		if err != nil {
			return openError(p.dataset, err)
		}
		sums[k] = sha256.Sum256(data)
		return nil
	})
}

// rule says how images are decoded.
func (p *imageFiles) rule() string {
	return fmt.Sprintf("%s%q\n%d %d %v", cacheMagic, imagefile.Rule, p.dataset.Size, p.dataset.Channels(), p.background)
}

// key is a digest of the folder's path, of the name, size and modification time of each
// image, in order, and of how they are decoded. It is made before the content of a file is
// read: a file that changes meanwhile has another key at the next load.
func (p *imageFiles) key(indices []int) (key [sha256.Size]byte, err error) {
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
	for _, i := range indices {
		info, err := fileInfo(root, p.dataset, p.files[i])
		if err != nil {
			return key, openError(p.dataset, fmt.Errorf("%s: %w", filepath.Join(p.dataset.Path, filepath.FromSlash(p.files[i])), err))
		}
		_, _ = fmt.Fprintf(w, "%q %d %d %v\n", p.files[i], info.Size(), info.ModTime().UnixNano(), info.Mode().Type())
	}
	_ = w.Flush() // as above
	return [sha256.Size]byte(h.Sum(nil)), nil
}
