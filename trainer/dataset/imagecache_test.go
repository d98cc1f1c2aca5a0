package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
)

// TestMain keeps the tests' images out of the user's cache.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tailsweep-dataset-")
	if err != nil {
		panic(err)
	}
	if err := os.Setenv(folder.CacheVariable, dir); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir) // in the temporary folder
	os.Exit(code)
}

// loadLogged loads d and returns the lines that it logs, too.
func loadLogged(t *testing.T, d sweep.Dataset) (s *Set, lines []string) {
	t.Helper()
	s, err := Loader{Log: func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }}.Load(d)
	require.NoError(t, err)
	return s, lines
}

// emptyCache makes a cache for the test and returns the names of its files with a suffix.
func emptyCache(t *testing.T) func(suffix string) []string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	return func(suffix string) []string {
		names, err := filepath.Glob(filepath.Join(dir, cacheFolder, "*"+suffix))
		require.NoError(t, err)
		return names
	}
}

// requireSame requires two sets with the same images, to the last bit.
func requireSame(t *testing.T, want, got *Set) {
	t.Helper()
	require.Equal(t, want.About, got.About)
	require.Equal(t, want.Labels, got.Labels)
	require.Equal(t, pixelsOf(t, want), pixelsOf(t, got))
}

// copyOf is a set whose images do not depend on its files any more.
func copyOf(t *testing.T, s *Set) *Set {
	t.Helper()
	own := *s
	own.Images = InMemory(pixelsOf(t, s), s.pixels())
	return &own
}

// spoil makes an image undecodable without a trace in its size and time.
func spoil(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, make([]byte, info.Size()), 0o600))
	require.NoError(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
}

func TestImagesAreDecodedOnce(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	first, before := loadLogged(t, d)
	require.Len(t, files(pixelSuffix), 1)
	require.Len(t, files(""), 2, "and a record")

	name := filepath.Join(d.Path, "cat", "3.png")
	spoil(t, name)
	again, lines := loadLogged(t, d)
	require.Equal(t, before, lines, "what is left out, and nothing else")
	requireSame(t, first, again)

	// Another size, part or channel is decoded by itself, and so is a file of another time.
	for what, change := range map[string]func(d *sweep.Dataset){
		"size":     func(d *sweep.Dataset) { d.Size = 9 },
		"channels": func(d *sweep.Dataset) { d.FolderChannels = 1 },
		"part":     func(d *sweep.Dataset) { d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 1, Seed: 3} },
		"time": func(d *sweep.Dataset) {
			require.NoError(t, os.Chtimes(filepath.Join(d.Path, "ant", "0.png"), time.Time{}, time.Unix(1, 0)))
		},
	} {
		other := d
		change(&other)
		_, err := Load(other)
		if what != "part" { // which may leave that image out
			require.ErrorContains(t, err, "none of the formats", what)
		}
	}
}

// What the images of a folder are does not depend on whether they are in the cache.
func TestTheCacheHasThePixelsOfTheFiles(t *testing.T) {
	d := folderSpec(animals(t))
	emptyCache(t)
	cachedSet := load(t, d)
	require.IsType(t, &cached{}, cachedSet.Images.(part).of)
	t.Setenv(folder.CacheVariable, write(t, nil, t.TempDir(), "a file"))
	plain, lines := loadLogged(t, d)
	require.IsType(t, levelImages{}, plain.Images)
	require.Contains(t, lines[len(lines)-1], "decoded images are not kept: ")
	requireSame(t, cachedSet, plain)
	require.Equal(t, digestOf(t, cachedSet), digestOf(t, plain))
}

// forge replaces the first pixel of a pixel file, with a valid checksum: so a test sees where an
// image comes from.
func forge(t *testing.T, name string, count, n int, pixel byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	start := int(pixelOffset(0, n))
	data[start] = pixel
	end := data[int(pixelOffset(count, n)):]
	sums := make([]uint32, count)
	for i := range sums {
		sums[i] = crc32.Checksum(data[start+i*n:][:n], castagnoli)
	}
	copy(end, trailer(sums, make([]byte, count), [sha256.Size]byte(end[5*count:])))
	require.NoError(t, os.WriteFile(name, data, 0o600))
}

// The same images under other names and times are not decoded again.
func TestMovedImagesAreNotDecodedAgain(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	load(t, d)
	forge(t, files(pixelSuffix)[0], 10, 8*8*3, 77)
	d.Path = animals(t)
	moved := load(t, d)
	require.Contains(t, []float32{imageOf(t, moved, 0)[0], imageOf(t, moved, 1)[0]}, values[77])
	require.Len(t, files(pixelSuffix), 1)
	require.Len(t, files(recordSuffix), 2)

	// Other images of the same size are.
	write(t, pngOf(t, solid(8, 8, color.RGBA{255, 0, 0, 255})), d.Path, "ant", "0.png")
	require.NotEqual(t, pixelsOf(t, moved), pixelsOf(t, load(t, d)))
	require.Len(t, files(pixelSuffix), 2)
	d.Background = "black"
	load(t, d)
	require.Len(t, files(pixelSuffix), 3)
}

func TestADamagedCacheIsReplaced(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	want := copyOf(t, load(t, d))
	for _, suffix := range []string{pixelSuffix, recordSuffix} {
		name := files(suffix)[0]
		whole, err := os.ReadFile(name)
		require.NoError(t, err)
		flipped := func(at int) []byte {
			data := bytes.Clone(whole)
			data[at] ^= 1
			return data
		}
		for what, data := range map[string][]byte{
			"magic":  flipped(3),
			"short":  whole[:len(whole)-1],
			"long":   append(bytes.Clone(whole), 0),
			"empty":  {},
			"key":    flipped(len(whole) - 40),
			"digest": flipped(len(whole) - 1),
		} {
			require.NoError(t, os.WriteFile(name, data, 0o600))
			got, lines := loadLogged(t, d)
			requireSame(t, want, got)
			require.Len(t, lines, 3, what)
			require.Contains(t, lines[2], "the cache of decoded images is written again: "+name, what)
			now, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, whole, now, what)
		}
		require.Len(t, files(""), 2, "nothing half-written stays")
	}
}

// Damage among the pixels is found when they are read, also while a training reads them, and
// the image is decoded again.
func TestDamagedPixelsAreDecodedAgain(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	want := copyOf(t, load(t, d))
	name := files(pixelSuffix)[0]
	for what, damage := range map[string]func(){
		"pixel": func() {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{201}, pixelOffset(4, 8*8*3))
			require.NoError(t, errors.Join(err, f.Close()))
		},
		"cut": func() { require.NoError(t, os.Truncate(name, 1000)) },
	} {
		var lines []string
		s, err := Loader{Log: func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }}.Load(d)
		require.NoError(t, err)
		lines = nil
		damage()
		requireSame(t, want, s)
		require.Len(t, lines, 1, what)
		require.Contains(t, lines[0], "the cache of decoded images is damaged, and removed: "+name)
		require.Empty(t, files(pixelSuffix))
		requireSame(t, want, load(t, d))
		require.Len(t, files(pixelSuffix), 1)
	}

	// A file that has changed meanwhile does not replace the lost image.
	s := load(t, d)
	require.NoError(t, os.Truncate(name, 1000))
	for _, class := range s.Classes {
		names, err := filepath.Glob(filepath.Join(d.Path, class, "*.png"))
		require.NoError(t, err)
		for _, name := range names {
			require.NoError(t, os.WriteFile(name, pngOf(t, solid(8, 8, color.White)), 0o600))
		}
	}
	_, err := s.Image(9)
	require.ErrorContains(t, err, "has changed since the images were loaded")
}

// A valid file of another folder's images is not used, whatever its name is.
func TestACacheOfAnotherFolderIsReplaced(t *testing.T) {
	files := emptyCache(t)
	load(t, folderSpec(animals(t)))
	other := files(pixelSuffix)[0]
	d := folderSpec(animals(t))
	write(t, pngOf(t, solid(8, 8, color.RGBA{255, 0, 0, 255})), d.Path, "ant", "0.png")
	want := copyOf(t, load(t, d))
	for _, name := range files(pixelSuffix) {
		if name != other {
			data, err := os.ReadFile(other)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(name, data, 0o600))
		}
	}
	got, lines := loadLogged(t, d)
	requireSame(t, want, got)
	require.Contains(t, lines[2], "is damaged")
}

// Images are decoded once for the check, every split and seed, and the set without the images
// that cannot be read.
func TestOnePixelFileForEverySplit(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	write(t, []byte("GIF"), d.Path, "cat", "broken.png")
	requireBadData(t, Loader{}.Check(d), "broken.png")
	require.Len(t, files(pixelSuffix), 1)
	_, err := Load(d)
	requireBadData(t, err, "broken.png")
	d.SkipUnreadable = true
	all := load(t, d)
	require.Equal(t, []int{2, 3, 5}, all.Counts)
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.5, Seed: 4}
	some := load(t, d)
	require.Equal(t, []int{2, 2, 1}, some.Counts)
	require.Contains(t, pixelsOf(t, all), imageOf(t, some, 4)[0])
	require.Len(t, files(""), 2)
	d.SkipUnreadable = false
	for seed := range int64(20) { // the split with an image that cannot be read is refused
		d.Imbalance.Seed = seed
		if _, err := Load(d); err != nil {
			requireBadData(t, err, "broken.png")
			return
		}
	}
	t.Fatal("no split had the image")
}

// A disk that takes no more is no fault: the images are decoded into memory.
func TestACacheThatCannotBeWrittenIsNoFault(t *testing.T) {
	d := folderSpec(animals(t))
	emptyCache(t)
	src, err := openFolder(d)
	require.NoError(t, err)
	p, err := newImageFiles(d, func() []string { l, _ := list(d); return l.files }())
	require.NoError(t, err)
	_, err = (&decoding{files: p, n: 8 * 8 * 3, dir: filepath.Join(t.TempDir(), "missing")}).write()
	require.ErrorContains(t, err, "decoded images are not kept: ")
	_, ok := errors.AsType[*cacheError](err)
	require.True(t, ok)
	im, err := p.inMemory([]int{0, 1}, Loader{}, err)
	require.NoError(t, err)
	same, err := src.images([]int{0, 1}, 8*8*3, Loader{})
	require.NoError(t, err)
	for i := range 2 {
		a, b := make([]float32, 8*8*3), make([]float32, 8*8*3)
		require.NoError(t, im.Read(a, i))
		require.NoError(t, same.Read(b, i))
		require.Equal(t, a, b)
	}
	_, err = p.inMemory(make([]int, maxBytes/(8*8*3)+1), Loader{}, errors.New("no space"))
	require.ErrorContains(t, err, "have 32 GiB and cannot be kept in the cache: no space")
}

func TestOldCacheFilesAreRemoved(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	load(t, d)
	kept := files(pixelSuffix)[0]
	dir := filepath.Dir(kept)
	for name, age := range map[string]time.Duration{
		"x.u8": cacheAge, "x.record": cacheAge, "x.lock": cacheAge, ".y.u8123456": partialAge, ".y.record123": partialAge, "mine.txt": 2 * cacheAge,
	} {
		old := time.Now().Add(-age - time.Hour)
		require.NoError(t, os.Chtimes(write(t, nil, dir, name), old, old))
	}
	write(t, nil, dir, ".new.u87")
	for _, name := range files("") {
		if name == kept || filepath.Ext(name) == recordSuffix && filepath.Base(name) != "x.record" {
			old := time.Now().Add(-cacheAge - time.Hour)
			require.NoError(t, os.Chtimes(name, old, old))
		}
	}
	load(t, d) // and so they are young again
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.Len(t, names, 4)
	require.Subset(t, names, []string{".new.u87", "mine.txt", filepath.Base(kept)})
}

// Processes that load the same images at the same time decode them once.
func TestOneProcessDecodes(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	l, err := list(d)
	require.NoError(t, err)
	p, err := newImageFiles(d, l.files)
	require.NoError(t, err)
	key, err := p.key()
	require.NoError(t, err)
	dir := filepath.Join(os.Getenv(folder.CacheVariable), cacheFolder)
	require.NoError(t, os.Mkdir(dir, 0o700))
	first := decoding{files: p, n: 8 * 8 * 3, dir: dir, key: key}
	release, err := first.alone()
	require.NoError(t, err)

	waits := make(chan struct{})
	loaded := make(chan *Set)
	go func() {
		s, _ := Loader{Log: func(format string, _ ...any) {
			if strings.HasPrefix(format, "another process decodes these images") {
				close(waits)
			}
		}}.Load(d)
		loaded <- s
	}()
	<-waits
	content, err := first.write()
	require.NoError(t, err)
	first.record(content)
	for _, file := range l.files {
		spoil(t, filepath.Join(d.Path, file)) // it must not be decoded again
	}
	release()
	s := <-loaded
	require.NotNil(t, s)
	require.Equal(t, 10, s.Len())
	require.NotEmpty(t, pixelsOf(t, s))
	require.Empty(t, files(lockSuffix))

	// A process that waits can be ended.
	release, err = first.alone()
	require.NoError(t, err)
	defer release()
	require.NoError(t, os.RemoveAll(files(recordSuffix)[0]))
	ended := errors.New("ended")
	second := first
	second.loader.Progress = func(int, int) error { return ended }
	_, err = second.alone()
	require.ErrorIs(t, err, ended)
}

// The digest of a set is computed once for each pixel file.
func TestTheDigestIsRemembered(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	s := load(t, d)
	want := digestOf(t, s)
	require.Equal(t, want, digestOf(t, copyOf(t, s)))
	require.Len(t, files(recordSuffix), 2)
	for _, name := range files(recordSuffix) {
		key, err := hex.DecodeString(strings.TrimSuffix(filepath.Base(name), recordSuffix))
		require.NoError(t, err)
		if sum, err := readRecord(name, [sha256.Size]byte(key), sha256.Size); err == nil && hex.EncodeToString(sum) == want {
			require.NoError(t, writeRecord(name, [sha256.Size]byte(key), make([]byte, sha256.Size)))
		}
	}
	require.Equal(t, strings.Repeat("0", 64), digestOf(t, load(t, d)))
	other := *s
	other.Labels = slices.Clone(s.Labels)
	other.Labels[9] = 1
	require.NotEqual(t, strings.Repeat("0", 64), digestOf(t, &other), "of other labels")
	other = *s
	other.Images = Part(s.Images, []int{1, 0, 2, 3, 4, 5, 6, 7, 8, 9})
	require.NotEqual(t, strings.Repeat("0", 64), digestOf(t, &other), "of another order")
}

// A slow load reports its progress, and ends when Progress returns an error.
func TestLoaderReportsItsProgress(t *testing.T) {
	for _, fault := range []error{nil, errors.New("enough")} {
		called := make(chan struct{})
		var once sync.Once
		var read atomic.Int64
		var last int
		err := each(1000, Loader{Progress: func(done, all int) error {
			require.Equal(t, 1000, all)
			last = done
			once.Do(func() { close(called) })
			return fault
		}}, func(k int) error {
			if k >= 400 {
				<-called
			}
			read.Add(1)
			return nil
		})
		require.Equal(t, 400, last)
		require.Equal(t, fault, err)
		if fault == nil {
			require.EqualValues(t, 1000, read.Load())
		}
	}
}

func FuzzReadRecord(f *testing.F) {
	key := sha256.Sum256([]byte("key"))
	name := filepath.Join(f.TempDir(), "x.record")
	require.NoError(f, writeRecord(name, key, []byte{1, 2, 3}))
	whole, err := os.ReadFile(name)
	require.NoError(f, err)
	f.Add(whole, 3)
	f.Add(whole, 2)
	f.Add(whole[:20], 0)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		name := write(t, data, t.TempDir(), "x.record")
		body, err := readRecord(name, key, n)
		if err == nil {
			require.Equal(t, whole[:len(whole)-3-sha256.Size], data[:len(data)-n-sha256.Size])
			require.Len(t, body, n)
		}
	})
}
