package dataset

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"sync"
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

// cached are the files of an empty cache that the test may then fill.
func cached(t *testing.T) func() []string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	return func() []string {
		names, err := filepath.Glob(filepath.Join(dir, cacheFolder, "*"))
		require.NoError(t, err)
		return names
	}
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
	files := cached(t)
	d := folderSpec(animals(t))
	first, before := loadLogged(t, d)
	require.Len(t, files(), 1)

	name := filepath.Join(d.Path, "cat", "3.png")
	spoil(t, name)
	again, lines := loadLogged(t, d)
	require.Equal(t, before, lines, "what is left out, and nothing else")
	require.Equal(t, first, again, "to the last bit, and not from the files")

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

func TestADamagedCacheIsReplaced(t *testing.T) {
	files := cached(t)
	d := folderSpec(animals(t))
	want := load(t, d)
	name := files()[0]
	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	for what, data := range map[string][]byte{
		"pixel":  append(append([]byte{}, whole[:100]...), append([]byte{whole[100] ^ 1}, whole[101:]...)...),
		"short":  whole[:len(whole)-1],
		"long":   append(append([]byte{}, whole...), 0),
		"empty":  {},
		"digest": append(append([]byte{}, whole[:len(whole)-1]...), whole[len(whole)-1]^1),
	} {
		require.NoError(t, os.WriteFile(name, data, 0o600))
		got, lines := loadLogged(t, d)
		require.Equal(t, want, got, what)
		require.Len(t, lines, 3, what)
		require.Contains(t, lines[2], "the cache of decoded images is written again: "+name, what)
		now, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, whole, now, what)
	}
	require.Len(t, files(), 1, "nothing half-written stays")
}

// A valid file of another folder's images is not used, whatever its name is.
func TestACacheOfAnotherFolderIsReplaced(t *testing.T) {
	files := cached(t)
	load(t, folderSpec(animals(t)))
	other := files()[0]
	d := folderSpec(animals(t))
	write(t, pngOf(t, solid(8, 8, color.RGBA{255, 0, 0, 255})), d.Path, "ant", "0.png")
	want := load(t, d)
	for _, name := range files() {
		if name != other {
			data, err := os.ReadFile(other)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(name, data, 0o600))
		}
	}
	got, lines := loadLogged(t, d)
	require.Equal(t, want, got)
	require.Contains(t, lines[2], "is damaged")
}

func TestACacheThatCannotBeWrittenIsNoFault(t *testing.T) {
	file := write(t, nil, t.TempDir(), "a file")
	t.Setenv(folder.CacheVariable, file)
	_, lines := loadLogged(t, folderSpec(animals(t)))
	require.Contains(t, lines[len(lines)-1], "decoded images are not kept: ")
}

func TestOldCacheFilesAreRemoved(t *testing.T) {
	files := cached(t)
	d := folderSpec(animals(t))
	load(t, d)
	kept := files()[0]
	old := time.Now().Add(-cacheAge - time.Hour)
	for _, name := range []string{"x.u8", ".y.u8123456", "mine.txt"} {
		require.NoError(t, os.Chtimes(write(t, nil, filepath.Dir(kept), name), old, old))
	}
	require.NoError(t, os.Chtimes(kept, old, old))
	load(t, d) // and so it is young again
	d.Size = 9
	load(t, d)
	require.Len(t, files(), 3)
	require.Contains(t, files(), kept)
	require.FileExists(t, filepath.Join(filepath.Dir(kept), "mine.txt"))
}

// A slow load reports its progress, and ends when Progress returns an error.
func TestLoaderReportsItsProgress(t *testing.T) {
	for _, fault := range []error{nil, errors.New("enough")} {
		called := make(chan struct{})
		var once sync.Once
		out := make([]byte, 1000)
		var last int
		err := each(out, 1, Loader{Progress: func(done, all int) error {
			require.Equal(t, 1000, all)
			last = done
			once.Do(func() { close(called) })
			return fault
		}}, func(dst []byte, k int) error {
			if k >= 400 {
				<-called
			}
			dst[0] = 1
			return nil
		})
		require.Equal(t, 400, last)
		require.Equal(t, fault, err)
		if fault == nil {
			require.EqualValues(t, 1, out[999])
		}
	}
}

func FuzzReadCached(f *testing.F) {
	key := sha256.Sum256([]byte("key"))
	name := filepath.Join(f.TempDir(), "x.u8")
	require.NoError(f, writeCached(name, key, []byte{1, 2, 3}))
	whole, err := os.ReadFile(name)
	require.NoError(f, err)
	f.Add(whole, 3)
	f.Add(whole, 2)
	f.Add(whole[:20], 0)
	f.Fuzz(func(t *testing.T, data []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		name := write(t, data, t.TempDir(), "x.u8")
		pixels, err := readCached(name, key, n)
		if err == nil {
			require.Equal(t, whole[:len(whole)-3-sha256.Size], data[:len(data)-n-sha256.Size])
			require.Len(t, pixels, n)
		}
	})
}
