package wheel

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// makeWheel is a wheel with a plugin inside, and its pin.
func makeWheel(t *testing.T) ([]byte, Pin) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "pkg/libpjrt_cpu.so", Method: zip.Store})
	require.NoError(t, err)
	_, err = f.Write([]byte("a plugin"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	sum := sha256.Sum256(b.Bytes())
	return b.Bytes(), Pin{Project: "proj", Version: "1", Wheel: "proj-1-x.whl", SHA256: hex.EncodeToString(sum[:]), Size: int64(b.Len()), Member: "libpjrt_cpu.so"}
}

// serve is an index of one project, its page as given, and one file.
func serve(t *testing.T, page string, file []byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/simple/proj/":
			_, _ = io.WriteString(w, page) // a client that is gone fails its own test
		case "/files/proj-1-x.whl":
			_, _ = w.Write(file)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/simple"
}

func request(index string, pin Pin) Request {
	return Request{Pin: pin, Index: index, Mode: 0o644, Command: "tailsweep backend install", Log: func(string, ...any) {}}
}

func TestWheelIsFoundInBothFormsOfAnIndex(t *testing.T) {
	data, pin := makeWheel(t)
	pages := map[string]string{
		"json": `{"files":[{"url":"../../other-1-x.whl"},{"url":"../../files/proj-1-x.whl#sha256=00"}]}`,
		"html": `<a href="../../other.whl">o</a> <A class="x" HREF='../../files/proj-1-x.whl#sha256=0'>proj</A>`,
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			index := serve(t, page, data)
			path, err := request(index, pin).fetch(t.Context(), t.TempDir())
			require.NoError(t, err)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, data, got)

			absent := pin
			absent.Wheel = "proj-2-x.whl"
			_, err = request(index+"/", absent).fetch(t.Context(), t.TempDir())
			require.ErrorContains(t, err, "does not offer proj-2-x.whl")
			require.ErrorContains(t, err, "--from FILE")
		})
	}
}

func TestWheelThatIsNotThePinnedOneIsRefused(t *testing.T) {
	data, pin := makeWheel(t)
	flipped := bytes.Clone(data)
	flipped[len(data)/2] ^= 1
	for name, file := range map[string][]byte{"flipped": flipped, "short": data[1:], "long": append(bytes.Clone(data), 0)} {
		t.Run(name, func(t *testing.T) {
			local := filepath.Join(t.TempDir(), "w.whl")
			require.NoError(t, os.WriteFile(local, file, 0o600))
			require.ErrorContains(t, pin.verify(local), pin.SHA256)

			dir := t.TempDir()
			_, err := request(serve(t, `<a href="../../files/proj-1-x.whl">`, file), pin).fetch(t.Context(), dir)
			require.Error(t, err)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestExtractWritesTheCompletePlugin(t *testing.T) {
	data, pin := makeWheel(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "w.whl")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	target := filepath.Join(dir, "plugin.so")
	require.NoError(t, extract(file, pin.Member, target, 0o755))
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "a plugin", string(got))

	require.ErrorContains(t, extract(file, "other.so", filepath.Join(dir, "none.so"), 0o755), "other.so")
	require.NoError(t, os.WriteFile(file, bytes.Replace(data, []byte("a plugin"), []byte("a plugim"), 1), 0o600))
	require.ErrorIs(t, extract(file, pin.Member, filepath.Join(dir, "none.so"), 0o755), zip.ErrChecksum)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing but the wheel and the plugin")
}

func TestADamagedFileIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin.so")
	require.NoError(t, os.WriteFile(path, []byte("a plugin"), 0o600))
	sum := sha256.Sum256([]byte("a plugin"))
	pin := Pin{MemberSHA256: hex.EncodeToString(sum[:])}
	matches, err := pin.matches(path)
	require.NoError(t, err)
	require.True(t, matches)
	require.NoError(t, os.WriteFile(path, []byte("a plugim"), 0o600))
	matches, err = pin.matches(path)
	require.NoError(t, err)
	require.False(t, matches)
}

func TestIndexIsTheOneOfPip(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pip.conf")
	require.NoError(t, os.WriteFile(file, []byte("[list]\nindex-url = https://other.example\n[global]\ncert = /x\nindex-url = https://mirror.example/simple\n[download]\ntimeout = 1\n"), 0o600))
	t.Setenv("PIP_INDEX_URL", "")
	t.Setenv("PIP_CONFIG_FILE", file)
	require.Equal(t, "https://mirror.example/simple", indexURL())
	t.Setenv("PIP_INDEX_URL", "https://nearer.example/simple")
	require.Equal(t, "https://nearer.example/simple", indexURL())
}

func TestIndexErrorsHideThePassword(t *testing.T) {
	_, pin := makeWheel(t)
	index := serve(t, "", nil)
	_, err := find(t.Context(), "http://user:secret@"+index[len("http://"):]+"/absent", pin)
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "secret")
	_, err = find(t.Context(), "file:///etc", pin)
	require.ErrorContains(t, err, "not an http or https URL")
	_, err = find(t.Context(), "secret@host/simple", pin)
	require.EqualError(t, err, `index "***@host/simple" is not an http or https URL`)
}

// TestInstallKeepsWhatMatches downloads once, and again where the file was damaged.
func TestInstallKeepsWhatMatches(t *testing.T) {
	data, pin := makeWheel(t)
	sum := sha256.Sum256([]byte("a plugin"))
	pin.MemberSHA256 = hex.EncodeToString(sum[:])
	r := request(serve(t, `<a href="../../files/proj-1-x.whl">`, data), pin)
	r.Path = filepath.Join(t.TempDir(), "new", "plugin")
	require.NoError(t, Install(t.Context(), r))

	offline := r
	offline.Index = "http://127.0.0.1:1/simple"
	require.NoError(t, Install(t.Context(), offline))
	require.NoError(t, os.WriteFile(r.Path, []byte("a plugim"), 0o600))
	require.ErrorContains(t, Install(t.Context(), offline), "with the file proj-1-x.whl at hand, `tailsweep backend install --from FILE` needs no network")

	require.NoError(t, Install(t.Context(), r))
	got, err := os.ReadFile(r.Path)
	require.NoError(t, err)
	require.Equal(t, "a plugin", string(got))

	require.NoError(t, os.Remove(r.Path))
	offline.From = filepath.Join(t.TempDir(), "w.whl")
	require.NoError(t, os.WriteFile(offline.From, data, 0o600))
	require.NoError(t, Install(t.Context(), offline))
	require.FileExists(t, r.Path)
}
