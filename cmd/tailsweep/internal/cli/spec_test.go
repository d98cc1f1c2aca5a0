package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// A worker runs in another folder than the user.
func TestPathsOfASpecAreMadeAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, c := range map[string]struct{ dataset, path, reference string }{
		"relative": {"path: pics, reference: other", filepath.Join(dir, "pics"), filepath.Join(dir, "other")},
		"remote":   {"path: 's3://b/pics', reference: test.txt", "s3://b/pics", "test.txt"},
		"split":    {"path: pics, reference: Test.TXT", filepath.Join(dir, "pics"), "Test.TXT"},
		"absolute": {"path: /data/pics", "/data/pics", ""},
	} {
		text := spectest.With("dataset: {name: image-folder, classes: 2, "+c.dataset+"}", "evaluate: {samples_per_class: 128, features: {path: f.st}}")
		require.NoError(t, os.WriteFile("spec.yaml", []byte(text), 0o600))
		spec, _, err := (&App{}).ReadSpec("spec.yaml")
		require.NoError(t, err, name)
		require.Equal(t, c.path, spec.Dataset.Path, name)
		require.Equal(t, c.reference, spec.Dataset.Reference, name)
		require.Equal(t, filepath.Join(dir, "f.st"), spec.Evaluate.Features.Path, name)
	}
}
