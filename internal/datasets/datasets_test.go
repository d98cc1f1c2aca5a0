package datasets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/lock"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

func image9(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 9, 9))))
	return b.Bytes()
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// tree lists the files below dir with their contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		files[rel] = string(data)
		return err
	}))
	return files
}

func requireBadData(t *testing.T, err error) {
	t.Helper()
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class)
}

// bucket is a Downloader with one bucket, b, that has these objects.
func bucket(t *testing.T, objects map[string]string) (*Downloader, *counting) {
	t.Helper()
	s := &counting{Memory: storetest.NewMemory(), gets: map[string]int{}}
	for key, body := range objects {
		require.NoError(t, s.Put(t.Context(), key, strings.NewReader(body), int64(len(body))))
	}
	return &Downloader{Bucket: func(_ context.Context, name string) (store.Store, error) {
		if name != "b" {
			return nil, store.ErrNoBucket
		}
		return s, nil
	}}, s
}

// counting counts the objects that are read, and can fail.
type counting struct {
	*storetest.Memory
	mu   sync.Mutex
	gets map[string]int
	fail string
}

func (c *counting) Get(ctx context.Context, key string) (body io.ReadCloser, info store.Info, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key == c.fail {
		return nil, info, errLost
	}
	c.gets[key]++
	return c.Memory.Get(ctx, key)
}

var errLost = errors.New("connection lost")

func TestImageFolderFromAnObjectStore(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	img := string(image9(t))
	f, s := bucket(t, map[string]string{
		"set/ant/0.png": img, "set/bee/0.png": img, "set/bee/1.png": img, "set/train.txt": "ant/0.png 0", "set/notes.md": "no", "settle/x.png": img,
	})
	d := sweep.Dataset{Name: sweep.ImageFolder, Path: "s3://b/set/", FolderClasses: 2, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
	_, err := dataset.Load(d)
	requireBadData(t, err) // not downloaded yet

	s.fail = "set/bee/1.png"
	require.ErrorIs(t, f.Dataset(t.Context(), d), errLost)
	local, err := dataset.Local(d)
	require.NoError(t, err)
	require.NoDirExists(t, local.Path, "complete or absent")

	came := tree(t, local.Path+".partial")
	s.fail = ""
	require.NoError(t, f.Dataset(t.Context(), d))
	require.Equal(t, map[string]string{"ant/0.png": img, "bee/0.png": img, "bee/1.png": img, "train.txt": "ant/0.png 0"}, tree(t, local.Path))
	for name := range came {
		if !strings.HasSuffix(name, ".part") {
			require.Equal(t, 1, s.gets["set/"+name], "%s: what was there was not downloaded again", name)
		}
	}
	set, err := dataset.Load(d)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, set.Counts)

	require.NoError(t, f.Dataset(t.Context(), d))
	require.Len(t, s.gets, 4, "it is there")

	d.Path, d.Reference = "/here", "s3://other/x"
	err = f.Dataset(t.Context(), d)
	require.ErrorIs(t, err, store.ErrNoBucket)
	requireBadData(t, err)
}

// Revoked keys can be replaced while a sweep runs; a missing permission or bucket is
// a mistake of the spec.
func TestOnlyMistakesOfTheSpecAreBadData(t *testing.T) {
	for _, c := range []struct {
		reason block.Reason
		bad    bool
	}{{block.Denied, true}, {block.NoBucket, true}, {block.UnknownKey, false}, {block.ExpiredKeys, false}, {block.Clock, false}} {
		f := &Downloader{Bucket: func(context.Context, string) (store.Store, error) {
			return nil, &store.AccessError{Op: "open", Reason: c.reason}
		}}
		_, _, err := f.open(t.Context(), "s3://b/x")
		var failure *sweep.FailureError
		require.Equal(t, c.bad, errors.As(err, &failure), "%s: %v", c.reason, err)
	}
}

func TestObjectNamesStayInTheFolder(t *testing.T) {
	for _, name := range []string{"../x.png", "a/../../x.png", "/x.png", "a//x.png", "a\\x.png"} {
		_, err := checkEntry(name, 1)
		require.Error(t, err, name)
	}
	limit, err := checkEntry("a/b.png", 1)
	require.NoError(t, err)
	require.EqualValues(t, 64<<20, limit)
}

func TestFileIsVerified(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from.bin")
	require.NoError(t, os.WriteFile(from, []byte("content"), 0o600))
	f, dst := &Downloader{}, filepath.Join(dir, "to.bin")

	err := f.file(t.Context(), from, dst, dataset.Pin{Size: 7, SHA256: sha([]byte("other"))})
	require.ErrorContains(t, err, from+" has sha256 "+sha([]byte("content"))+", want "+sha([]byte("other")))
	requireBadData(t, err)
	require.Equal(t, map[string]string{"from.bin": "content"}, tree(t, dir), "nothing stays")

	err = f.file(t.Context(), from, dst, dataset.Pin{Size: 6})
	require.ErrorContains(t, err, "from.bin is larger than 6 bytes")
	requireBadData(t, err)

	var last Progress
	f.Progress = func(p Progress) { last = p }
	require.NoError(t, f.file(t.Context(), from, dst, dataset.Pin{Size: 7, SHA256: sha([]byte("content"))}))
	require.Equal(t, Progress{What: "from.bin", Done: 7, Total: 7}, last)
	requireBadData(t, f.file(t.Context(), dir, filepath.Join(dir, "x"), dataset.Pin{}))
	requireBadData(t, f.file(t.Context(), filepath.Join(dir, "gone"), filepath.Join(dir, "x"), dataset.Pin{}))
}

func TestDownloadRefuses(t *testing.T) {
	f, dir := &Downloader{}, filepath.Join(t.TempDir(), "set")
	for _, c := range []struct{ name, from, want string }{
		{"mnist", "", `dataset "mnist" cannot be downloaded`},
		{sweep.ImageFolder, "", "an image folder needs a source"},
		{sweep.ImageFolder, "/data/images", "want an archive"},
		{sweep.ImageFolder, "ftp://host/x.zip", "ftp:// is not supported"},
		{sweep.ImageFolder, "https://host/x", "want an archive"},
		{sweep.FashionMNIST, "/nowhere", "/nowhere/train-images-idx3-ubyte.gz: no such file or directory"},
		{sweep.CIFAR10, "/nowhere/mine.tar.gz", "/nowhere/mine.tar.gz: no such file or directory"},
	} {
		_, err := f.Download(t.Context(), c.name, c.from, dir)
		require.ErrorContains(t, err, c.want)
		requireBadData(t, err)
		require.NoDirExists(t, dir)
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := f.Download(t.Context(), sweep.CIFAR10, "", file)
	require.ErrorContains(t, err, "is not a folder")
	require.FileExists(t, file)
}

// A file with another digest is removed, so that the next try can succeed.
func TestDownloadRemovesAWrongFile(t *testing.T) {
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "set")
	for _, name := range []string{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"} {
		require.NoError(t, os.WriteFile(filepath.Join(from, name), []byte("no gzip"), 0o600))
	}
	_, err := (&Downloader{}).Download(t.Context(), sweep.FashionMNIST, from, dir)
	require.ErrorContains(t, err, "train-images-idx3-ubyte.gz: ")
	requireBadData(t, err)
	require.NoDirExists(t, dir)
	require.NoDirExists(t, dir+".partial")
}

// TestDownloadFashionMNIST runs where TAILSWEEP_TEST_FASHION_MNIST names a folder with
// the training files.
func TestDownloadFashionMNIST(t *testing.T) {
	from := os.Getenv("TAILSWEEP_TEST_FASHION_MNIST")
	if from == "" {
		t.Skip("TAILSWEEP_TEST_FASHION_MNIST is not set")
	}
	dir := filepath.Join(t.TempDir(), "set")
	require.NoError(t, os.Mkdir(dir, 0o755)) // an empty folder is removed
	there, err := (&Downloader{}).Download(t.Context(), sweep.FashionMNIST, from, dir)
	require.NoError(t, err)
	require.False(t, there)
	require.Len(t, tree(t, dir), 2)
	there, err = (&Downloader{}).Download(t.Context(), sweep.FashionMNIST, from, dir)
	require.NoError(t, err)
	require.True(t, there)
}

// Files of an earlier try whose objects are gone do not become part of a dataset.
func TestAFolderHasOnlyTheObjects(t *testing.T) {
	img := string(image9(t))
	f, s := bucket(t, map[string]string{"one/ant/0.png": img, "one/bee/0.png": img, "two/cat/0.png": img, "two/x.heic": "h", "two/@eaDir/y.png": img})
	dir := filepath.Join(t.TempDir(), "set")
	s.fail = "one/bee/0.png"
	_, err := f.Download(t.Context(), sweep.ImageFolder, "s3://b/one", dir)
	require.ErrorIs(t, err, errLost)
	require.NoError(t, os.MkdirAll(filepath.Join(dir+".partial", "dog"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir+".partial", "dog", "9.png.part"), nil, 0o600))

	var lines []string
	f.Log = func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }
	_, err = f.Download(t.Context(), sweep.ImageFolder, "s3://b/two", dir)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"cat/0.png": img}, tree(t, dir))
	require.Equal(t, []string{"s3://b/two: skipped 2 files that are neither supported images (PNG, JPEG, WebP, GIF, BMP, TIFF) nor split files"}, lines)
}

func TestRedirectsStaySafe(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://example.com/x.zip", http.StatusFound))
	defer server.Close()
	response, err := (&Downloader{}).client().Get(server.URL)
	if response != nil {
		_ = response.Body.Close() // it is not read
	}
	require.ErrorContains(t, err, "redirected to http://example.com/x.zip: http:// is not supported")
}

// The error names the folder that cannot be made and the variable that moves it.
func TestACacheThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv(folder.CacheVariable, file)
	err := (&Downloader{}).Dataset(t.Context(), sweep.Dataset{Name: sweep.CIFAR10})
	require.ErrorContains(t, err, file)
	require.ErrorContains(t, err, folder.CacheVariable)
}

func TestTwoProcessesWait(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "set")
	release, err := lock.Take(t.Context(), filepath.Join(filepath.Dir(dir), ".set.lock"), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	f := &Downloader{Log: func(format string, a ...any) {
		require.Equal(t, "waiting for another process that downloads "+dir, fmt.Sprintf(format, a...))
		cancel()
	}}
	_, err = f.Download(ctx, sweep.CIFAR10, "", dir)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, release())
}
