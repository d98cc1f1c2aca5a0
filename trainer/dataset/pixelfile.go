package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/lock"
)

// The cache has two kinds of files. A pixel file has all decoded images of a folder or split
// file. Its name begins with its dimensions and ends with its key, a digest of the contents of
// the files, in order, and of how they are decoded:
//
//	magic, pixels `[N, S, S, channels]`, CRC-32C of each image `[N]`,
//	1 for each image that cannot be read, else 0 `[N]`, key `[32]`,
//	SHA-256 of all but the pixels `[32]`
//
// A record has a few bytes, and a key as its name:
//
//	magic, key `[32]`, bytes, SHA-256 of all before `[32]`
//
// The key of a pixel file is in a record for each list of names, sizes and times of files
// (imageFiles.key), so that files are read again only when these change.
const (
	cacheMagic   = "tailsweep images 2\n"
	cacheFolder  = "images" // of the cache
	pixelSuffix  = ".u8"
	recordSuffix = ".record"
	lockSuffix   = ".lock"
	cacheAge     = 30 * 24 * time.Hour // a file that was not read for so long is removed
	partialAge   = 24 * time.Hour      // and a partial file that was not written for so long
)

// decoding makes a pixel file.
type decoding struct {
	files  *imageFiles
	n      int // pixels of an image
	dir    string
	key    [sha256.Size]byte // of imageFiles.key
	loader Loader
}

// cacheError is an error of writing the cache.
type cacheError struct{ err error }

func (e *cacheError) Error() string { return "decoded images are not kept: " + e.err.Error() }
func (e *cacheError) Unwrap() error { return e.err }

// load opens the pixel file, which it makes where there is none. Processes that load the same
// images wait for the first one.
func (d *decoding) load() (*cached, error) {
	if im := d.known(); im != nil {
		return im, nil
	}
	release, err := d.alone()
	if err != nil {
		return nil, err
	}
	defer release()
	if im := d.known(); im != nil {
		return im, nil
	}
	if im, err := d.moved(); im != nil || err != nil {
		return im, err
	}
	key, err := d.write()
	if err != nil {
		return nil, err
	}
	im, err := d.open(key)
	if err != nil {
		return nil, &cacheError{err}
	}
	d.record(key)
	return im, nil
}

// known opens the pixel file that the record names, nil where there is none. It removes a
// damaged file.
func (d *decoding) known() *cached {
	damaged := func(name string, err error) {
		if !errors.Is(err, fs.ErrNotExist) {
			d.loader.log("the cache of decoded images is written again: %v", err)
			_ = os.Remove(name) // it is replaced in any case
		}
	}
	name := recordName(d.dir, d.key)
	record, err := readRecord(name, d.key, sha256.Size)
	if err != nil {
		damaged(name, err)
		return nil
	}
	key := [sha256.Size]byte(record)
	im, err := d.open(key)
	if err != nil {
		damaged(d.name(key), err)
		return nil
	}
	touch(name)
	return im
}

// moved looks for a pixel file of the same contents, which other names or times of files have.
func (d *decoding) moved() (*cached, error) {
	if similar, _ := filepath.Glob(filepath.Join(d.dir, d.shape()+"*"+pixelSuffix)); len(similar) == 0 {
		return nil, nil
	}
	contents, err := d.files.contents(d.loader)
	if err != nil {
		return nil, err
	}
	key := d.content(contents)
	im, err := d.open(key)
	if err != nil {
		return nil, nil //nolint:nilerr // it is written again
	}
	d.record(key)
	return im, nil
}

// content is the key of a pixel file.
func (d *decoding) content(files [][sha256.Size]byte) [sha256.Size]byte {
	h := sha256.New()
	_, _ = io.WriteString(h, d.files.rule()) // a hash takes every write
	for _, sum := range files {
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// record writes where the pixels of these files are. It only saves time.
func (d *decoding) record(key [sha256.Size]byte) {
	_ = writeRecord(recordName(d.dir, d.key), d.key, key[:])
}

func (d *decoding) shape() string {
	return fmt.Sprintf("%dx%dx%dx%d-", len(d.files.files), d.files.dataset.Size, d.files.dataset.Size, d.files.dataset.Channels())
}

func (d *decoding) name(key [sha256.Size]byte) string {
	return filepath.Join(d.dir, d.shape()+hex.EncodeToString(key[:])+pixelSuffix)
}

// partial is the start of the names of the files that are being written.
func (d *decoding) partial() string { return "." + hex.EncodeToString(d.key[:]) + pixelSuffix }

// alone waits until no other process decodes these images. Meanwhile it reports the other one's
// progress.
func (d *decoding) alone() (release func(), err error) {
	path := filepath.Join(d.dir, hex.EncodeToString(d.key[:])+lockSuffix)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var unlock func() error
	var wg sync.WaitGroup
	wg.Go(func() {
		unlock, err = lock.Take(ctx, path, func() { d.loader.log("another process decodes these images: waiting for it") })
	})
	d.loader.follow(&wg, d.others, len(d.files.files), cancel)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil: // a file system without locks: at worst the images are decoded twice
		return func() {}, nil //nolint:nilerr // see above
	}
	return func() {
		_ = os.Remove(path) // only a name
		_ = unlock()        // closing the file releases it, too
	}, nil
}

// others is how many images another process has decoded.
func (d *decoding) others() int {
	var most int64
	names, _ := filepath.Glob(filepath.Join(d.dir, d.partial()+"*"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			most = max(most, info.Size())
		}
	}
	return min(int(most)/d.n, len(d.files.files))
}

// write decodes the images into a new pixel file and returns its key.
func (d *decoding) write() (key [sha256.Size]byte, err error) {
	f, err := os.CreateTemp(d.dir, d.partial()+"*")
	if err != nil {
		return key, &cacheError{err}
	}
	defer func() {
		_ = f.Close() // after an error, or for the second time
		if err != nil {
			_ = os.Remove(f.Name()) // else removeOld does
		}
	}()
	all := len(d.files.files)
	contents, sums, broken := make([][sha256.Size]byte, all), make([]uint32, all), make([]byte, all)
	failed, err := d.files.tryAll(all, d.loader, func(i int) (err error) {
		image := make([]byte, d.n)
		if contents[i], err = d.files.decode(image, i); err != nil {
			return err
		}
		sums[i] = crc32.Checksum(image, castagnoli)
		if _, err := f.WriteAt(image, pixelOffset(i, d.n)); err != nil {
			return &cacheError{err}
		}
		return nil
	})
	if err != nil {
		return key, err
	}
	for _, u := range failed {
		broken[u.i] = 1
	}
	key = d.content(contents)
	if err := d.finish(f, sums, broken, key); err != nil {
		return key, &cacheError{err}
	}
	return key, nil
}

// finish writes what follows the pixels, and gives the file its name.
func (d *decoding) finish(f *os.File, sums []uint32, broken []byte, key [sha256.Size]byte) error {
	_, err := f.WriteAt([]byte(cacheMagic), 0)
	if err == nil {
		_, err = f.WriteAt(trailer(sums, broken, key), pixelOffset(len(sums), d.n))
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), d.name(key))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pixelOffset is where image i of n pixels is in a pixel file.
func pixelOffset(i, n int) int64 { return int64(len(cacheMagic)) + int64(i)*int64(n) }

// trailer is what follows the pixels of a pixel file.
func trailer(sums []uint32, broken []byte, key [sha256.Size]byte) []byte {
	var out []byte
	for _, sum := range sums {
		out = binary.LittleEndian.AppendUint32(out, sum)
	}
	out = append(append(out, broken...), key[:]...)
	digest := sha256.Sum256(append([]byte(cacheMagic), out...))
	return append(out, digest[:]...)
}

// open opens a pixel file.
func (d *decoding) open(key [sha256.Size]byte) (*cached, error) {
	name := d.name(key)
	f, err := openPlain(name)
	if err != nil {
		return nil, err
	}
	sums, broken, err := readTrailer(f, len(d.files.files), d.n, key)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s %w", name, err), f.Close())
	}
	touch(name)
	c := &cached{files: d.files, n: d.n, key: key, file: f, sums: sums, broken: broken, log: d.loader.log}
	c.buffers.New = func() any { return new(make([]byte, d.n)) }
	return c, nil
}

// openPlain opens a regular file for reading.
func openPlain(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %w", name, errIrregular)
	}
	return os.Open(name)
}

// readTrailer checks the start and the end of a pixel file of count images of n pixels, and
// returns what it has of them.
func readTrailer(f *os.File, count, n int, key [sha256.Size]byte) (sums []uint32, broken []byte, err error) {
	sums, broken = make([]uint32, count), make([]byte, count)
	end := make([]byte, len(trailer(sums, broken, key)))
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if want := pixelOffset(count, n) + int64(len(end)); info.Size() != want {
		return nil, nil, fmt.Errorf("does not have %d bytes", want)
	}
	start := make([]byte, len(cacheMagic))
	if _, err := f.ReadAt(start, 0); err != nil {
		return nil, nil, err
	}
	if _, err := f.ReadAt(end, pixelOffset(count, n)); err != nil {
		return nil, nil, err
	}
	for i := range sums {
		sums[i] = binary.LittleEndian.Uint32(end[4*i:])
	}
	copy(broken, end[4*count:])
	if string(start) != cacheMagic || !bytes.Equal(end, trailer(sums, broken, key)) {
		return nil, nil, errors.New("is damaged")
	}
	return sums, broken, nil
}

// cached are the images of a pixel file. The kernel keeps its pages in memory, for all
// processes that read them, as long as nothing else needs the memory.
type cached struct {
	files   *imageFiles
	n       int // pixels of an image
	key     [sha256.Size]byte
	file    *os.File // closed when nothing refers to it any more
	sums    []uint32
	broken  []byte    // 1 for an image that cannot be read
	buffers sync.Pool // of *[]byte
	damaged sync.Once
	log     func(format string, a ...any)
}

func (c *cached) Len() int { return len(c.sums) }

// Read reads an image and checks it. Where the file is damaged, it decodes the image again.
func (c *cached) Read(dst []float32, i int) error {
	buffer := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(buffer)
	image := *buffer
	_, err := c.file.ReadAt(image, pixelOffset(i, c.n))
	if err == nil && crc32.Checksum(image, castagnoli) != c.sums[i] {
		err = errors.New("its checksum is another one")
	}
	if err != nil {
		if err := c.again(image, i, err); err != nil {
			return err
		}
	}
	convert(dst, image)
	return nil
}

// again decodes an image that the file has lost.
func (c *cached) again(image []byte, i int, why error) error {
	c.damaged.Do(func() {
		c.log("the cache of decoded images is damaged, and removed: %s: image %d: %v", c.file.Name(), i, why)
		_ = os.Remove(c.file.Name()) // the next load writes it again
	})
	if _, err := c.files.decode(image, i); err != nil {
		return err
	}
	if crc32.Checksum(image, castagnoli) != c.sums[i] {
		return badField("dataset.path", "%s has changed since the images were loaded (valid: files that do not change while they are read)", filepath.Join(c.files.dataset.Path, filepath.FromSlash(c.files.files[i])))
	}
	return nil
}

// remembered returns a digest that depends on images and on what: that of the cache, else of
// compute.
func remembered(im Images, what string, compute func() ([sha256.Size]byte, error)) ([sha256.Size]byte, error) {
	of, _ := im.(part)
	c, ok := of.of.(*cached)
	if !ok {
		return compute()
	}
	key := sha256.Sum256(fmt.Append(c.key[:], what, of.indices))
	name := recordName(filepath.Dir(c.file.Name()), key)
	if sum, err := readRecord(name, key, sha256.Size); err == nil {
		touch(name)
		return [sha256.Size]byte(sum), nil
	}
	sum, err := compute()
	if err == nil {
		_ = writeRecord(name, key, sum[:]) // it only saves time
	}
	return sum, err
}

func recordName(dir string, key [sha256.Size]byte) string {
	return filepath.Join(dir, hex.EncodeToString(key[:])+recordSuffix)
}

// readRecord reads a record of exactly n bytes.
func readRecord(name string, key [sha256.Size]byte, n int) ([]byte, error) {
	in, err := openPlain(name)
	if err != nil {
		return nil, err
	}
	head := append([]byte(cacheMagic), key[:]...)
	data, err := io.ReadAll(io.LimitReader(in, int64(len(head)+n+sha256.Size+1)))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) != len(head)+n+sha256.Size {
		return nil, fmt.Errorf("%s does not have %d bytes", name, len(head)+n+sha256.Size)
	}
	body, sum := data[:len(head)+n], data[len(head)+n:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) || !bytes.HasPrefix(body, head) {
		return nil, fmt.Errorf("%s is damaged", name)
	}
	return body[len(head):], nil
}

// writeRecord writes a record.
func writeRecord(name string, key [sha256.Size]byte, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	data := slices.Concat([]byte(cacheMagic), key[:], body)
	sum := sha256.Sum256(data)
	return file.Write(name, append(data, sum[:]...), 0o644)
}

// touch makes a file of the cache young.
func touch(name string) {
	now := time.Now()
	_ = os.Chtimes(name, now, now) // only makes it stay
}

// removeOld makes room: it removes files that have not been read for long, and partial files of
// processes that died.
func removeOld(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // nothing can be removed
	}
	for _, entry := range entries {
		age := cacheAge
		switch name := entry.Name(); {
		case strings.HasPrefix(name, ".") && (strings.Contains(name, pixelSuffix) || strings.Contains(name, recordSuffix)):
			age = partialAge
		case !slices.Contains([]string{pixelSuffix, recordSuffix, lockSuffix}, filepath.Ext(name)):
			continue
		}
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > age {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // another process may have removed it
		}
	}
}
