package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, parent string, step int, files map[string]string) string {
	t.Helper()
	w, err := Create(parent, Manifest{Sweep: "s", Trial: 3, Step: step, Provenance: Provenance{Backend: "go"}})
	require.NoError(t, err)
	for path, content := range files {
		require.NoError(t, w.Bytes(path, []byte(content)))
	}
	dir, err := w.Commit()
	require.NoError(t, err)
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteAndVerify(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "staging")
	dir := write(t, parent, 2000, map[string]string{ModelName: "weights", "state/state.json": "{}", CurveName: ""})
	require.Equal(t, filepath.Join(parent, "step-0000002000"), dir)
	require.Equal(t, []string{"step-0000002000"}, names(t, parent), "no temporary folder stays")

	plain := filepath.Join(parent, "plain")
	require.NoError(t, os.Mkdir(plain, 0o755))
	want, err := os.Stat(plain)
	require.NoError(t, err)
	got, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, want.Mode(), got.Mode(), "as open to others as the umask says")

	m, err := Verify(dir)
	require.NoError(t, err)
	require.Equal(t, Manifest{
		Version: 1, Sweep: "s", Trial: 3, Step: 2000, Provenance: Provenance{Backend: "go"},
		Files: []File{
			{Path: CurveName, Size: 0, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
			{Path: ModelName, Size: 7, SHA256: "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"},
			{Path: "state/state.json", Size: 2, SHA256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		},
	}, m)
}

func TestVerifyNamesWhatChanged(t *testing.T) {
	tests := map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"flipped byte": {func(t *testing.T, dir string) { put(t, dir, ModelName, "weighty") }, "model.safetensors has sha256"},
		"truncated":    {func(t *testing.T, dir string) { put(t, dir, ModelName, "weight") }, "model.safetensors does not have the 7 bytes"},
		"grown":        {func(t *testing.T, dir string) { put(t, dir, ModelName, "weights!") }, "model.safetensors does not have the 7 bytes"},
		"missing":      {func(t *testing.T, dir string) { drop(t, dir, "state/state.json") }, "state/state.json is missing"},
		"extra":        {func(t *testing.T, dir string) { put(t, dir, "state/more", "x") }, "state/more is not in the manifest"},
		"no manifest":  {func(t *testing.T, dir string) { drop(t, dir, ManifestName) }, "has no MANIFEST.json"},
		"link": {func(t *testing.T, dir string) {
			put(t, filepath.Dir(dir), "outside", "weights")
			drop(t, dir, ModelName)
			require.NoError(t, os.Symlink(filepath.Join(filepath.Dir(dir), "outside"), filepath.Join(dir, ModelName)))
		}, "model.safetensors is not a plain file"},
		"huge manifest": {func(t *testing.T, dir string) { put(t, dir, ManifestName, strings.Repeat(" ", MaxManifestBytes+1)) }, "larger than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := write(t, t.TempDir(), 1, map[string]string{ModelName: "weights", "state/state.json": "{}"})
			test.damage(t, dir)
			_, err := Verify(dir)
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := Verify(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, ErrCorrupt, "nothing was there to be corrupt")
}

func TestVerifyFileAllowsOtherFiles(t *testing.T) {
	dir := write(t, t.TempDir(), 1, map[string]string{ModelName: "weights", CurveName: "c"})
	put(t, dir, "README.md", "a model card")
	drop(t, dir, CurveName)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	require.NoError(t, m.VerifyFile(dir, ModelName))
	require.ErrorIs(t, m.VerifyFile(dir, CurveName), ErrCorrupt)
	require.ErrorIs(t, m.VerifyFile(dir, "README.md"), ErrCorrupt)
}

func TestUnfinishedWriterLeavesNothingUnderTheFinalName(t *testing.T) {
	parent := t.TempDir()
	killed, err := Create(parent, Manifest{Step: 5})
	require.NoError(t, err)
	require.NoError(t, killed.Bytes(ModelName, []byte("half")))
	require.NoDirExists(t, filepath.Join(parent, DirName(5)))

	again, err := Create(parent, Manifest{Step: 5})
	require.NoError(t, err)
	require.Len(t, names(t, parent), 1, "the killed writer's folder is gone")
	require.NoError(t, again.Bytes(ModelName, []byte("whole")))
	dir, err := again.Commit()
	require.NoError(t, err)
	require.NoError(t, again.Abort(), "a deferred Abort after Commit")
	_, err = Verify(dir)
	require.NoError(t, err)

	aborted, err := Create(parent, Manifest{Step: 6})
	require.NoError(t, err)
	require.NoError(t, aborted.Bytes(ModelName, []byte("x")))
	require.NoError(t, aborted.Abort())
	require.Equal(t, []string{DirName(5)}, names(t, parent))
	require.Error(t, aborted.Bytes("late", nil))
	_, err = aborted.Commit()
	require.Error(t, err)
}

func TestSameStepTwice(t *testing.T) {
	parent := t.TempDir()
	first := write(t, parent, 1, map[string]string{ModelName: "weights"})
	require.Equal(t, first, write(t, parent, 1, map[string]string{ModelName: "weights"}))
	require.Equal(t, []string{DirName(1)}, names(t, parent))

	w, err := Create(parent, Manifest{Step: 1})
	require.NoError(t, err)
	require.NoError(t, w.Bytes(ModelName, []byte("others")))
	_, err = w.Commit()
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, w.Abort())
	_, err = Verify(first)
	require.NoError(t, err)
}

func TestWriterRefuses(t *testing.T) {
	w, err := Create(t.TempDir(), Manifest{Step: 1})
	require.NoError(t, err)
	for _, path := range []string{"../out", "/abs", "a/../b", "", ".", "a//b", "MANIFEST.json", "manifest.JSON", "a\\b", "a\nb", strings.Repeat("a", 201)} {
		require.Error(t, w.Bytes(path, nil), "%q", path)
	}
	require.NoError(t, w.Bytes("a", nil))
	require.Error(t, w.Bytes("a", nil), "twice")
	_, err = Create(t.TempDir(), Manifest{Step: -1})
	require.Error(t, err)
	none, err := Create(t.TempDir(), Manifest{})
	require.NoError(t, err)
	_, err = none.Commit()
	require.Error(t, err, "a checkpoint of no files")
}

func TestFailingContentFailsTheFile(t *testing.T) {
	w, err := Create(t.TempDir(), Manifest{Step: 1})
	require.NoError(t, err)
	broken := errors.New("broken")
	err = w.File(ModelName, func(out io.Writer) error {
		_, _ = fmt.Fprint(out, "half")
		return broken
	})
	require.ErrorIs(t, err, broken)
	_, err = w.Commit()
	require.Error(t, err, "a failed file is not in the checkpoint")
}

func put(t *testing.T, dir, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644))
}

func drop(t *testing.T, dir, path string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(dir, path)))
}
