package backend

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

	"github.com/tailsweep/tailsweep/internal/folder"
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

func TestWheelIsFoundInBothFormsOfAnIndex(t *testing.T) {
	data, pin := makeWheel(t)
	pages := map[string]string{
		"json": `{"files":[{"url":"../../other-1-x.whl"},{"url":"../../files/proj-1-x.whl#sha256=00"}]}`,
		"html": `<a href="../../other.whl">o</a> <A class="x" HREF='../../files/proj-1-x.whl#sha256=0'>proj</A>`,
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			index := serve(t, page, data)
			path, err := downloadWheel(t.Context(), InstallOptions{Index: index, Out: io.Discard}, pin, t.TempDir())
			require.NoError(t, err)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, data, got)

			absent := pin
			absent.Wheel = "proj-2-x.whl"
			_, err = downloadWheel(t.Context(), InstallOptions{Index: index + "/", Out: io.Discard}, absent, t.TempDir())
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
			require.ErrorContains(t, verifyWheel(local, pin), pin.SHA256)

			dir := t.TempDir()
			_, err := downloadWheel(t.Context(), InstallOptions{Index: serve(t, `<a href="../../files/proj-1-x.whl">`, file), Out: io.Discard}, pin, dir)
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
	require.NoError(t, extract(file, pin.Member, target))
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "a plugin", string(got))

	require.ErrorContains(t, extract(file, "other.so", filepath.Join(dir, "none.so")), "other.so")
	require.NoError(t, os.WriteFile(file, bytes.Replace(data, []byte("a plugin"), []byte("a plugim"), 1), 0o600))
	require.ErrorIs(t, extract(file, pin.Member, filepath.Join(dir, "none.so")), zip.ErrChecksum)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing but the wheel and the plugin")
}

func TestADamagedPluginIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin.so")
	require.NoError(t, os.WriteFile(path, []byte("a plugin"), 0o600))
	sum := sha256.Sum256([]byte("a plugin"))
	pin := Pin{PluginSHA256: hex.EncodeToString(sum[:])}
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
	_, err := findWheel(t.Context(), "http://user:secret@"+index[len("http://"):]+"/absent", pin)
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "secret")
	_, err = findWheel(t.Context(), "file:///etc", pin)
	require.ErrorContains(t, err, "not an http or https URL")
	_, err = findWheel(t.Context(), "secret@host/simple", pin)
	require.EqualError(t, err, `index "***@host/simple" is not an http or https URL`)
}

func TestInstalledLooksInTheCacheFirst(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", other)
	path, ok := Installed(CPU)
	require.False(t, ok)
	require.Equal(t, filepath.Join(dir, "pjrt", "2026.6.23", "pjrt_c_api_cpu_plugin.so"), path)

	baked := filepath.Join(other, PluginFile(CPU))
	require.NoError(t, os.WriteFile(baked, nil, 0o600))
	got, ok := Installed(CPU)
	require.True(t, ok)
	require.Equal(t, baked, got)

	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	got, ok = Installed(CPU)
	require.True(t, ok)
	require.Equal(t, path, got)
}

func TestOpen(t *testing.T) {
	_, err := Open("tpu")
	require.ErrorContains(t, err, "auto, go, xla:cpu, xla:cuda")

	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	_, err = Open(XLACPU)
	if HasXLA {
		require.ErrorContains(t, err, "tailsweep backend install")
	} else {
		require.ErrorContains(t, err, "cgo")
	}
	b, err := Open(Auto)
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, Go, b.Choice)
	require.NotEmpty(t, b.Why)
	require.False(t, b.NativeConvolution())
}

func TestDoctor(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	level := map[string]Level{}
	for _, c := range Doctor() {
		level[c.Name] = c.Level
		require.NotEmpty(t, c.Found, c.Name)
		if c.Level == Warning {
			require.NotEmptyf(t, c.Fix, "%s says nothing about what to do", c.Name)
		}
	}
	require.Equal(t, Warning, level["XLA for the CPU"])

	path, _ := Installed(CPU)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("another library"), 0o600))
	require.Equal(t, Fault, pluginCheck().Level, "a plugin that is not the pinned one")
}
