package checkpoint

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// program writes the folder of a program's checkpoint.
func program(t *testing.T, parent, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(parent, name)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for path, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		put(t, dir, path, content)
	}
	return dir
}

func TestSeal(t *testing.T) {
	parent := t.TempDir()
	dir := program(t, parent, "mine", map[string]string{
		"weights.pt": "abc", "optim/state.bin": "", "samples/7/b.png": "B", "samples/7/a b\n<é>\xff.png": "A", "samples/10/c.png": "C", "samples.npz": "n",
	})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "samples", "empty"), 0o755))
	m := Manifest{Sweep: "s", Trial: 1, Attempt: 2, Step: 500, Provenance: Provenance{Command: []string{"python", "train.py"}}}
	final, err := Seal(parent, dir, m, map[string][]byte{CurveName: []byte("{}\n"), MetricsName: []byte("{}")})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(parent, DirName(500)), final)
	require.Equal(t, []string{DirName(500)}, names(t, parent), "the folder was moved, and nothing temporary stays")

	got, err := Verify(final)
	require.NoError(t, err)
	require.Equal(t, m.Provenance, got.Provenance)
	var paths []string
	for _, f := range got.Files {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{CurveName, MetricsName, "optim/state.bin", "samples.npz", SamplesName, "weights.pt"}, paths)
	require.NoDirExists(t, filepath.Join(final, SamplesDir))
	require.Equal(t, []string{"10/c.png=C", "7/a b\n<é>\xff.png=A", "7/b.png=B"}, unpack(t, filepath.Join(final, SamplesName)))
}

// unpack lists the files of a SamplesName as name=content.
func unpack(t *testing.T, path string) (files []string) {
	t.Helper()
	s, err := OpenSamples(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for {
		sample, err := s.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		data, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Len(t, data, int(sample.Size))
		files = append(files, sample.Name+"="+string(data))
	}
}

// The same files give the same checkpoint, whatever their times, modes and folders' order are.
func TestSealIsDeterministic(t *testing.T) {
	digests := map[string]bool{}
	for _, mode := range []fs.FileMode{0o644, 0o700} {
		parent := t.TempDir()
		dir := program(t, parent, "x", map[string]string{"samples/a/1": "1", "samples/a.b/2": "2", "samples/a-b/3": "3"})
		require.NoError(t, os.Chmod(filepath.Join(dir, "samples/a/1"), mode))
		final, err := Seal(parent, dir, Manifest{Step: 1}, nil)
		require.NoError(t, err)
		m, err := ReadManifest(final)
		require.NoError(t, err)
		digests[m.Files[0].SHA256] = true
		require.Equal(t, []string{"a/1=1", "a-b/3=3", "a.b/2=2"}, unpack(t, filepath.Join(final, SamplesName)))
	}
	require.Len(t, digests, 1)
}

func TestSealWithoutFolder(t *testing.T) {
	parent := t.TempDir()
	final, err := Seal(parent, "", Manifest{Step: 3}, map[string][]byte{MetricsName: []byte(`{"metrics":{"val_loss":1}}`)})
	require.NoError(t, err)
	m, err := Verify(final)
	require.NoError(t, err)
	require.Len(t, m.Files, 1)
	_, err = Seal(parent, "", Manifest{Step: 4}, nil)
	require.Error(t, err, "no files at all")
	require.Equal(t, []string{DirName(3)}, names(t, parent))
}

// The folder may have the name of the checkpoint, be deeper in the staging folder, or be named by a
// link that stays there.
func TestSealFindsTheFolder(t *testing.T) {
	parent := t.TempDir()
	_, err := Seal(parent, program(t, parent, DirName(1), map[string]string{"w": "1"}), Manifest{Step: 1}, nil)
	require.NoError(t, err)
	_, err = Seal(parent, program(t, parent, "a/b", map[string]string{"w": "2"}), Manifest{Step: 2}, nil)
	require.NoError(t, err)
	program(t, parent, "real", map[string]string{"w": "3"})
	require.NoError(t, os.Symlink("real", filepath.Join(parent, "latest")))
	_, err = Seal(parent, filepath.Join(parent, "latest"), Manifest{Step: 3}, nil)
	require.NoError(t, err)
	for step, want := range []string{1: "1", 2: "2", 3: "3"} {
		if want != "" {
			data, err := os.ReadFile(filepath.Join(parent, DirName(step), "w"))
			require.NoError(t, err)
			require.Equal(t, want, string(data))
		}
	}

	linked := filepath.Join(t.TempDir(), "parent") // TMPDIR may be a link
	require.NoError(t, os.Symlink(parent, linked))
	_, err = Seal(linked, program(t, parent, "again", map[string]string{"w": "4"}), Manifest{Step: 4}, nil)
	require.NoError(t, err)
}

func TestSealTwice(t *testing.T) {
	parent := t.TempDir()
	for range 2 {
		_, err := Seal(parent, program(t, parent, "x", map[string]string{"w": "1"}), Manifest{Step: 1}, nil)
		require.NoError(t, err)
	}
	_, err := Seal(parent, program(t, parent, "x", map[string]string{"w": "2"}), Manifest{Step: 1}, nil)
	require.ErrorIs(t, err, fs.ErrExist)
	require.Equal(t, []string{DirName(1)}, names(t, parent))
	data, err := os.ReadFile(filepath.Join(parent, DirName(1), "w"))
	require.NoError(t, err)
	require.Equal(t, "1", string(data), "the first one stays")
}

func TestSealRefuses(t *testing.T) {
	outside := t.TempDir()
	put(t, outside, "secret", "s")
	plain := map[string]string{"w": "1", "samples/0/a.png": "a"}
	for name, test := range map[string]struct {
		change func(t *testing.T, parent, dir string) string // returns the folder to seal; "" for dir
		want   string
	}{
		"absent":             {func(*testing.T, string, string) string { return filepath.Join(outside, "none") }, "there is no folder"},
		"outside":            {func(*testing.T, string, string) string { return outside }, "is not inside the staging folder"},
		"dots":               {func(_ *testing.T, parent, _ string) string { return parent + "/x/../.." }, "is not inside"},
		"the staging folder": {func(_ *testing.T, parent, _ string) string { return parent }, "is not inside"},
		"link to the outside": {func(t *testing.T, parent, _ string) string {
			require.NoError(t, os.Symlink(outside, filepath.Join(parent, "out")))
			return filepath.Join(parent, "out")
		}, "is not inside"},
		"a file": {func(_ *testing.T, _, dir string) string { return filepath.Join(dir, "w") }, "is not a folder"},
		"a name of a writer": {func(t *testing.T, parent, dir string) string {
			to := filepath.Join(parent, "."+DirName(1)+tmpMark+"9")
			require.NoError(t, os.Rename(dir, to))
			return to
		}, "tailsweep uses itself"},
		"link": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "l")))
			return ""
		}, `"l" is a link`},
		"linked folder": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, "l")))
			return ""
		}, `"l" is a link`},
		"linked samples": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, SamplesDir)))
			require.NoError(t, os.Symlink(outside, filepath.Join(dir, SamplesDir)))
			return ""
		}, `"samples" is a link`},
		"link in samples": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "samples/0/l.png")))
			return ""
		}, `"samples/0/l.png" is a link`},
		"hard link": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.Link(filepath.Join(outside, "secret"), filepath.Join(dir, "l")))
			return ""
		}, `"l" is a hard link`},
		"hard link in samples": {func(t *testing.T, _, dir string) string {
			require.NoError(t, os.Link(filepath.Join(outside, "secret"), filepath.Join(dir, "samples/0/l.png")))
			return ""
		}, `"samples/0/l.png" is a hard link`},
		"pipe": {func(t *testing.T, _, dir string) string {
			require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "p"), 0o600))
			return ""
		}, `"p" is a link, a device or a pipe`},
		"socket": {func(t *testing.T, _, dir string) string {
			t.Chdir(dir) // the path of a socket is short
			l, err := net.Listen("unix", "s")
			require.NoError(t, err)
			t.Cleanup(func() { _ = l.Close() })
			return ""
		}, `"s" is a link, a device or a pipe`},
		"manifest":    {with(ManifestName), "has a file MANIFEST.json"},
		"curve":       {with("Curve.JSONL"), "has a file Curve.JSONL"},
		"metrics":     {with(MetricsName), "has a file metrics.json"},
		"environment": {with(EnvironmentName), "has a file environment.txt"},
		"samples.tar": {with(SamplesName), "has a file samples.tar"},
		"space":       {with("a b"), `has a file "a b", but only letters`},
		"long":        {with(strings.Repeat("a", 201)), "more than 200 bytes"},
		"long sample": {with("samples/" + strings.Repeat(strings.Repeat("a", 200)+"/", 5) + "a"), "more than 1000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := program(t, parent, "x", plain)
			if other := test.change(t, parent, dir); other != "" {
				dir = other
			}
			_, err := Seal(parent, dir, Manifest{Step: 1}, nil)
			require.ErrorContains(t, err, test.want)
			var failure *sweep.FailureError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, sweep.FailBadData, failure.Class)
			require.NoDirExists(t, filepath.Join(parent, DirName(1)))
			data, err := os.ReadFile(filepath.Join(outside, "secret"))
			require.NoError(t, err)
			require.Equal(t, "s", string(data))
		})
	}
	require.Equal(t, []string{"secret"}, names(t, outside))
}

// with adds a file to the folder.
func with(path string) func(*testing.T, string, string) string {
	return func(t *testing.T, _, dir string) string {
		t.Helper()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		put(t, dir, path, "x")
		return ""
	}
}

func TestSealLimits(t *testing.T) {
	parent := t.TempDir()
	files := map[string]string{"samples/0/a.png": "x"}
	for i := range MaxProgramFiles - 1 {
		files[fmt.Sprintf("%0200d", i)] = ""
	}
	extra := map[string][]byte{CurveName: nil, MetricsName: nil, EnvironmentName: nil}
	final, err := Seal(parent, program(t, parent, "x", files), Manifest{Step: 1}, extra)
	require.NoError(t, err)
	_, err = Verify(final)
	require.NoError(t, err, "the manifest of the largest checkpoint can be read")

	files["one-more"] = ""
	_, err = Seal(parent, program(t, parent, "y", files), Manifest{Step: 2}, extra)
	require.ErrorContains(t, err, "more than 1000 files")

	deep := program(t, parent, "deep", map[string]string{"w": "1"})
	for i := range MaxProgramFiles {
		require.NoError(t, os.Mkdir(filepath.Join(deep, fmt.Sprint(i)), 0o755))
	}
	_, err = Seal(parent, deep, Manifest{Step: 3}, nil)
	require.ErrorContains(t, err, "more than 1000 folders")

	// Files with holes take no space, but count with their size.
	big := program(t, parent, "big", map[string]string{"w": ""})
	require.NoError(t, os.Truncate(filepath.Join(big, "w"), MaxBytes+1))
	_, err = Seal(parent, big, Manifest{Step: 4}, nil)
	require.ErrorContains(t, err, "it has 64 GiB (valid: at most 64 GiB)")
	two := program(t, parent, "two", map[string]string{"a": "", "samples/b": ""})
	require.NoError(t, os.Truncate(filepath.Join(two, "a"), 40<<30))
	require.NoError(t, os.Truncate(filepath.Join(two, "samples/b"), 40<<30))
	_, err = Seal(parent, two, Manifest{Step: 4}, nil)
	require.ErrorContains(t, err, "it has 80 GiB")
	image := program(t, parent, "image", map[string]string{"samples/a.png": ""})
	require.NoError(t, os.Truncate(filepath.Join(image, "samples/a.png"), MaxSampleBytes+1))
	_, err = Seal(parent, image, Manifest{Step: 5}, nil)
	require.ErrorContains(t, err, `"samples/a.png" has more than 64 MiB`)
	require.Equal(t, []string{DirName(1)}, names(t, parent))
}

// archiveOf makes a tar file of entries.
func archiveOf(t testing.TB, headers ...tar.Header) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.tar")
	f, err := os.Create(path)
	require.NoError(t, err)
	w := tar.NewWriter(f)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		require.NoError(t, w.WriteHeader(&h))
		_, err := io.CopyN(w, zeros{}, h.Size)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	return path
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func readAll(path string) error {
	s, err := OpenSamples(path)
	if err != nil {
		return err
	}
	return errors.Join(drain(s), s.Close())
}

// drain reads all files to their ends.
func drain(s *Samples) error {
	for {
		sample, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, s)
		if err != nil {
			return err
		}
		if n != sample.Size || n > MaxSampleBytes || !inFolder(sample.Name) {
			panic(fmt.Sprintf("%q has %d bytes, not %d", sample.Name, n, sample.Size))
		}
	}
}

func TestSamplesRefuseWhatSealDoesNotWrite(t *testing.T) {
	require.NoError(t, readAll(archiveOf(t, tar.Header{Name: "a/b", Size: 3}, tar.Header{Name: "a.b"})))
	for name, test := range map[string]struct {
		headers []tar.Header
		want    string
	}{
		"absolute":   {[]tar.Header{{Name: "/etc/passwd"}}, "leaves its folder"},
		"up":         {[]tar.Header{{Name: "a/../../b"}}, "leaves its folder"},
		"dot":        {[]tar.Header{{Name: "./a"}}, "leaves its folder"},
		"link":       {[]tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, "not a plain file"},
		"folder":     {[]tar.Header{{Name: "a/", Typeflag: tar.TypeDir}}, "not a plain file"},
		"device":     {[]tar.Header{{Name: "a", Typeflag: tar.TypeChar}}, "not a plain file"},
		"twice":      {[]tar.Header{{Name: "a"}, {Name: "a"}}, "out of order or there twice"},
		"order":      {[]tar.Header{{Name: "a.b"}, {Name: "a/b"}}, "out of order"},
		"large":      {[]tar.Header{{Name: "a", Size: MaxSampleBytes + 1}}, "more than 64 MiB"},
		"long":       {[]tar.Header{{Name: strings.Repeat("a", MaxSampleNameBytes+1)}}, "more than 1000 bytes"},
		"extensions": {[]tar.Header{{Name: "a", PAXRecords: map[string]string{"SCHILY.xattr.user.x": "1"}}}, "extensions"},
	} {
		t.Run(name, func(t *testing.T) {
			err := readAll(archiveOf(t, test.headers...))
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, test.want)
		})
	}
	whole, err := os.ReadFile(archiveOf(t, tar.Header{Name: "a", Size: 2000}))
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut")
	require.NoError(t, os.WriteFile(cut, whole[:1000], 0o600))
	require.ErrorIs(t, readAll(cut), ErrCorrupt)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(cut, link))
	require.Error(t, readAll(link))
	require.ErrorIs(t, readAll(filepath.Join(t.TempDir(), "absent")), fs.ErrNotExist)
}

func FuzzSamples(f *testing.F) {
	for _, headers := range [][]tar.Header{
		{{Name: "a/b", Size: 3}, {Name: "a/é", Size: 600}},
		{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc"}},
		{{Name: strings.Repeat("a/", 150) + "b", Size: 1}},
		{{Name: "a", Format: tar.FormatGNU, Size: 5}},
	} {
		data, err := os.ReadFile(archiveOf(f, headers...))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := drain(readSamples("s.tar", bytes.NewReader(data), nil)); err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
		}
	})
}
