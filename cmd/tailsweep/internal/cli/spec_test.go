package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// A worker runs in another folder than the user, and the spec may be in a third.
func TestPathsOfASpecAreMadeAbsolute(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	t.Chdir(t.TempDir())
	t.Setenv("HOME", home)
	file := filepath.Join(dir, "spec.yaml")
	for name, c := range map[string]struct{ dataset, path, split, reference string }{
		"relative": {"path: pics, reference: other", filepath.Join(dir, "pics"), "", filepath.Join(dir, "other")},
		"above":    {"path: ../pics", filepath.Join(filepath.Dir(dir), "pics"), "", ""},
		"home":     {"path: ~/pics, split: ~/s.txt, reference: '~'", filepath.Join(home, "pics"), filepath.Join(home, "s.txt"), home},
		"remote":   {"path: 's3://b/pics', reference: test.txt", "s3://b/pics", "", "test.txt"},
		"split":    {"path: pics, split: a/s.txt, reference: Test.TXT", filepath.Join(dir, "pics"), "a/s.txt", "Test.TXT"},
		"absolute": {"path: /data/pics", "/data/pics", "", ""},
	} {
		text := spectest.With("dataset: {name: image-folder, classes: 2, "+c.dataset+"}", "evaluate: {samples_per_class: 128, features: {path: f.st}}")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		spec, read, err := (&App{}).ReadSpec(file)
		require.NoError(t, err, name)
		require.Equal(t, c.path, spec.Dataset.Path, name)
		require.Equal(t, c.split, spec.Dataset.SplitFile, name)
		require.Equal(t, c.reference, spec.Dataset.Reference, name)
		require.Equal(t, filepath.Join(dir, "f.st"), spec.Evaluate.Features.Path, name)
		require.Equal(t, text, string(read), name)

		stored, err := specfile.WithPaths(read, spec)
		require.NoError(t, err, name)
		again, err := specfile.Parse("stored", stored)
		require.NoError(t, err, name)
		require.Equal(t, spec.Digest(), again.Digest(), name)
	}
}

// What the store keeps has the comments of the file.
func TestStoredSpecKeepsItsComments(t *testing.T) {
	text := spectest.With("dataset:\n  name: image-folder # mine\n  path: pics # here\n  classes: 2", "evaluate: {features: {path: /f.st}}")
	spec, err := specfile.Parse("spec", []byte(text))
	require.NoError(t, err)
	unchanged, err := specfile.WithPaths([]byte(text), spec)
	require.NoError(t, err)
	require.Equal(t, text, string(unchanged))
	spec.Dataset.Path = "/home/o'x/a: b"
	stored, err := specfile.WithPaths([]byte(text), spec)
	require.NoError(t, err)
	require.Contains(t, string(stored), "# mine")
	again, err := specfile.Parse("stored", stored)
	require.NoError(t, err)
	require.Equal(t, spec.Digest(), again.Digest())
}
