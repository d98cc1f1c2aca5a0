package generate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// The folder with the real images is read as an image folder, by class.
func TestWithReal(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, b := colours(t), openBackend(t, backend.Go)
	dir := train(t, b, images, nets["dit"], 10)
	o := options(t, b, dir, 4, 3, 0)
	o.Gates, o.WithReal = []string{}, true
	s, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 11, s.Real)
	want := files(t, o.Dir)

	about, err := dataset.Describe(sweep.Dataset{Name: sweep.ImageFolder, Path: o.Dir, FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}})
	require.NoError(t, err)
	require.Equal(t, []string{"blue", "green", "red"}, about.Classes)
	require.Equal(t, []int{6, 6, 6}, about.Counts, "rebalanced")
	rows, _, err := ReadIndex(filepath.Join(o.Dir, indexName))
	require.NoError(t, err)
	sources := map[string]int{}
	for _, r := range rows {
		sources[r.Source]++
		require.Equal(t, r.Source == SourceReal, strings.HasPrefix(filepath.Base(r.File), realPrefix))
		require.FileExists(t, filepath.Join(o.Dir, r.File))
		require.Equal(t, ".png", filepath.Ext(r.File), "as torchvision reads it")
	}
	require.Equal(t, map[string]int{SourceReal: 11, SourceGenerated: 7}, sources)

	// Hard links: no image takes space twice.
	linked := 0
	for _, name := range []string{"0.PNG", "1.PNG"} {
		original, err := os.Stat(filepath.Join(images, "blue", name))
		require.NoError(t, err)
		for _, real := range []string{"blue/real-000000.png", "blue/real-000001.png"} {
			link, err := os.Stat(filepath.Join(o.Dir, real))
			require.NoError(t, err)
			if os.SameFile(original, link) {
				linked++
			}
		}
	}
	require.Equal(t, 2, linked)

	// Again, interrupted in the middle of a link, and as copies: the same files.
	require.NoError(t, os.Remove(filepath.Join(o.Dir, "blue/real-000001.png")))
	require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "blue/.real-000001.png"), nil, 0o600))
	_, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, want, files(t, o.Dir))
	for name := range want {
		if strings.Contains(name, "/"+realPrefix) {
			path := filepath.Join(o.Dir, name)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
		}
	}
	_, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, want, files(t, o.Dir))

	// A later call without the flag keeps them.
	o.WithReal = false
	s, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 11, s.Real)
	require.Equal(t, want, files(t, o.Dir))

	o.WithReal, o.Symlinks = true, true
	_, err = Run(t.Context(), o)
	require.NoError(t, err)
	target, err := os.Readlink(filepath.Join(o.Dir, "blue/real-000000.png"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(images, "blue"), filepath.Dir(target))
}

func TestACopyWhereThereAreNoHardLinks(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "a.png"), filepath.Join(t.TempDir(), "b.png")
	require.NoError(t, os.WriteFile(from, []byte("image"), 0o600))
	for range 2 {
		require.NoError(t, copyOnce(from, to))
		data, err := os.ReadFile(to)
		require.NoError(t, err)
		require.Equal(t, "image", string(data))
	}
}
