package datasets

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

type entry struct {
	name string
	link string
	data string
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.data)), Mode: 0o644, Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := w.Write([]byte(e.data))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.link != "" {
			h.SetMode(os.ModeSymlink | 0o777)
			e.data = e.link
		}
		f, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = f.Write([]byte(e.data))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	entries := []entry{{"tiny/ant/0.png", "", "a"}, {"tiny/bee/0.JPEG", "", "b"}, {"tiny/bee/boxes.xml", "", "no"}, {"tiny/train.txt", "", "ant/0.png 0"}}
	want := map[string]string{"ant/0.png": "a", "bee/0.JPEG": "b", "train.txt": "ant/0.png 0"}
	for name, data := range map[string][]byte{"a.tar.gz": tarOf(t, entries...), "a.tgz": tarOf(t, entries...), "a.zip": zipOf(t, entries...)} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
			defer server.Close()
			dir := filepath.Join(t.TempDir(), "set")
			require.NoError(t, os.MkdirAll(filepath.Join(dir+".partial.unwrap", "left by a process that ended"), 0o755))
			_, err := (&Downloader{}).Download(t.Context(), sweep.ImageFolder, server.URL+"/"+name, dir)
			require.NoError(t, err)
			require.Equal(t, want, tree(t, dir))
			left, err := filepath.Glob(dir + ".*")
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := entry{"a/0.png", "", "x"}
	for want, data := range map[string][]byte{
		`"../x.png" is not a path inside the folder`: tarOf(t, good, entry{"../x.png", "", "x"}),
		`"/x.png" is not a path inside the folder`:   tarOf(t, good, entry{"/x.png", "", "x"}),
		`"a/link.png" is a link`:                     tarOf(t, good, entry{"a/link.png", "/etc/passwd", ""}),
		`file exists`:                                tarOf(t, good, good),
		`unexpected EOF`:                             tarOf(t, good)[:60],
		`has no images (PNG, JPEG`:                   tarOf(t, entry{"a/x.heic", "", "x"}),
		`after 0 files: gzip: invalid header`:        []byte("something else, long enough"),
		`"a/0.png" is larger than 67108864 bytes`:    tarOf(t, entry{"a/0.png", "", string(make([]byte, 64<<20+1))}),
	} {
		requireRefused(t, want, "x.tar.gz", data)
	}
	for want, data := range map[string][]byte{
		`"../x.png" is not a path inside the folder`: zipOf(t, good, entry{"../x.png", "", "x"}),
		`"a\\x.png" is not a path inside the folder`: zipOf(t, good, entry{"a\\x.png", "", "x"}),
		`"a/link.png" is a link`:                     zipOf(t, good, entry{"a/link.png", "/etc/passwd", ""}),
		`zip: not a valid zip file`:                  []byte("PK"),
	} {
		requireRefused(t, want, "x.zip", data)
	}
}

func requireRefused(t *testing.T, want, name string, data []byte) {
	t.Helper()
	dir := t.TempDir()
	archive := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(archive, data, 0o600))
	err := (&Downloader{}).unpack(t.Context(), archive, filepath.Join(dir, "sub", "set"))
	require.ErrorContains(t, err, want)
	requireBadData(t, err)
	require.NoFileExists(t, filepath.Join(dir, "x.png"))
}

// An archive whose skipped files expand without limit is refused too.
func TestUnpackIsBounded(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "a/zero.bin", Size: 5000, Typeflag: tar.TypeReg}))
	_, err := w.Write(make([]byte, 5000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(b.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	u := &unpacker{ctx: t.Context(), left: 4000}
	require.ErrorContains(t, u.tar(&packed, true), "unexpected EOF")
}

func FuzzUnpack(f *testing.F) {
	f.Add(tarOf(f, entry{"a/0.png", "", "x"}), false)
	f.Add(zipOf(f, entry{"a/0.png", "", "x"}), true)
	f.Fuzz(func(t *testing.T, data []byte, zipped bool) {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close() //nolint:errcheck // a test's folder
		u := &unpacker{ctx: t.Context(), root: root, left: 1 << 20}
		if zipped {
			err = u.zip(bytes.NewReader(data), int64(len(data)))
		} else {
			err = u.tar(bytes.NewReader(data), true)
		}
		if err == nil {
			require.Len(t, tree(t, dir), u.files)
		}
		require.GreaterOrEqual(t, u.left, int64(-1))
	})
}
