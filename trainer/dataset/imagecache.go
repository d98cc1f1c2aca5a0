package dataset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/color"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// imageFiles are the images of a folder. Decoding is slow, so load keeps what it has
// decoded in the cache, in a file
//
//	magic, key `[32]`, pixels `[N, S, S, channels]`, SHA-256 of all before `[32]`
//
// whose name is the key: a digest of the folder's path, of the name, size and
// modification time of every image, in order, and of how they are decoded.
type imageFiles struct {
	dataset    sweep.Dataset
	background color.RGBA
	files      []string // slash-separated paths, relative to dataset.Path
}

const (
	cacheMagic  = "tailsweep images 1\n"
	cacheFolder = "images"            // of the cache
	cacheSuffix = ".u8"               // of their names there
	cacheAge    = 30 * 24 * time.Hour // a file that was not read for so long is removed
)

// images returns these images, `[len(indices), S, S, channels]` in [-1, 1], each of n
// numbers.
func (p *imageFiles) images(indices []int, n int, l Loader) ([]float32, error) {
	pixels, err := p.load(indices, n, l)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(pixels))
	for i, v := range pixels {
		out[i] = float32(v)/127.5 - 1
	}
	return out, nil
}

// load returns the pixels of these images, `[len(indices), S, S, channels]`, each of n
// numbers.
func (p *imageFiles) load(indices []int, n int, l Loader) ([]byte, error) {
	key, err := p.key(indices)
	if err != nil {
		return nil, err
	}
	dir, err := folder.Cache()
	if err != nil {
		l.log("decoded images are not kept: %v", err)
		return p.decodeAll(indices, n, l)
	}
	name := filepath.Join(dir, cacheFolder, hex.EncodeToString(key[:])+cacheSuffix)
	pixels, err := readCached(name, key, len(indices)*n)
	switch {
	case err == nil:
		now := time.Now()
		_ = os.Chtimes(name, now, now) // only makes it stay
		return pixels, nil
	case !errors.Is(err, fs.ErrNotExist):
		l.log("the cache of decoded images is written again: %v", err)
		_ = os.Remove(name) // it is replaced in any case
	}
	if pixels, err = p.decodeAll(indices, n, l); err != nil {
		return nil, err
	}
	if err := writeCached(name, key, pixels); err != nil {
		l.log("decoded images are not kept: %v", err)
	}
	removeOld(filepath.Dir(name))
	return pixels, nil
}

func (p *imageFiles) decodeAll(indices []int, n int, l Loader) ([]byte, error) {
	pixels := make([]byte, len(indices)*n)
	unreadable, err := p.tryAll(pixels, indices, n, l)
	if err == nil && len(unreadable) > 0 {
		err = unreadableError(unreadable, len(unreadable))
	}
	return pixels, err
}

// decode writes image i, `[S, S, channels]`. It is safe for concurrent use. A FieldError says
// that the image cannot be read.
func (p *imageFiles) decode(dst []byte, i int) error {
	name := filepath.Join(p.dataset.Path, filepath.FromSlash(p.files[i]))
	data, err := readImage(p.dataset, p.files[i])
	if err != nil {
		return openError(p.dataset, err)
	}
	err = imagefile.Decode(name, data, dst, imagefile.Options{Size: p.dataset.Size, Channels: p.dataset.Channels(), Background: p.background})
	if err != nil {
		return badField("dataset.path", "%w", err)
	}
	return nil
}

// key reads the size and time of every file before the content of any: a file that
// changes meanwhile has another key at the next load.
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
	_, _ = fmt.Fprintf(w, "%s%q\n%d %d %v %q\n", cacheMagic, imagefile.Rule, p.dataset.Size, p.dataset.Channels(), p.background, path) // a hash takes every write
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

// readCached reads a file of the cache with exactly n bytes of pixels.
func readCached(name string, key [sha256.Size]byte, n int) ([]byte, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	head := append([]byte(cacheMagic), key[:]...)
	if want := int64(len(head) + n + sha256.Size); !info.Mode().IsRegular() || info.Size() != want {
		return nil, fmt.Errorf("%s does not have %d bytes", name, want)
	}
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(in, data)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	body, sum := data[:len(head)+n], data[len(head)+n:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) || !bytes.HasPrefix(body, head) {
		return nil, fmt.Errorf("%s is damaged", name)
	}
	return body[len(head):], nil
}

// writeCached writes a file of the cache.
func writeCached(name string, key [sha256.Size]byte, pixels []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return file.Create(name, 0o644, func(w io.Writer) error {
		h := sha256.New()
		both := io.MultiWriter(w, h)
		for _, part := range [][]byte{[]byte(cacheMagic), key[:], pixels} {
			if _, err := both.Write(part); err != nil {
				return err
			}
		}
		_, err := w.Write(h.Sum(nil))
		return err
	})
}

// removeOld makes room: it removes files that have not been read for long, and those of
// a process that died while it wrote, whose names are longer.
func removeOld(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // nothing can be removed
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.Contains(entry.Name(), cacheSuffix) && time.Since(info.ModTime()) > cacheAge {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // another process may have removed it
		}
	}
}
