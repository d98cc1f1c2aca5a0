package trainer

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// A folder of images trains like a published set, and a training goes on only with
// the images that it began with, wherever they lie.
func TestTrainOnAnImageFolder(t *testing.T) {
	folder := func(grey uint8) string {
		dir := t.TempDir()
		for class, n := range map[string]int{"ant": 6, "bee": 3, "cat": 2} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o755))
			for k := range n {
				img := image.NewGray(image.Rect(0, 0, 24, 16))
				img.SetGray(12, 8, color.Gray{grey})
				var b bytes.Buffer
				require.NoError(t, png.Encode(&b, img))
				require.NoError(t, os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", k)), b.Bytes(), 0o600))
			}
		}
		return dir
	}
	b := openBackend(t, backend.Go)
	j := tiny(t)
	j.Spec.Dataset = sweep.Dataset{
		Name: sweep.ImageFolder, Path: folder(200), FolderClasses: 3, FolderChannels: 1, Size: 16,
		Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1},
	}
	j.Until = 4
	train(t, b, j, nil)

	rest := j
	rest.Until, rest.Staging, rest.Resume = 0, t.TempDir(), filepath.Join(j.Staging, checkpoint.DirName(4))
	rest.Spec.Dataset.Path = folder(200)
	events := train(t, b, rest, nil)
	require.Equal(t, job.Done, events[len(events)-1].Type)

	rest.Staging, rest.Spec.Dataset.Path = t.TempDir(), folder(201)
	err := Train(t.Context(), rest, Options{Backend: b, Events: func(job.Event) error { return nil }})
	require.ErrorContains(t, err, "the checkpoint is of another training: its images have sha256 ")
}
