package evaluate

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// colours is a folder of 6 red, 3 green and 2 blue images.
func colours(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for class, c := range map[string]struct {
		images int
		colour color.NRGBA
	}{"red": {6, color.NRGBA{220, 20, 20, 255}}, "green": {3, color.NRGBA{20, 220, 20, 255}}, "blue": {2, color.NRGBA{20, 20, 220, 255}}} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o755))
		for k := range c.images {
			img := image.NewNRGBA(image.Rect(0, 0, 20, 16))
			for i := range 20 * 16 {
				img.SetNRGBA(i%20, i/20, c.colour)
			}
			img.SetNRGBA(9, k, color.NRGBA{255, 255, 255, 255})
			var b bytes.Buffer
			require.NoError(t, png.Encode(&b, img))
			require.NoError(t, os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", k)), b.Bytes(), 0o600))
		}
	}
	return dir
}

// A network with published weights compares images of a folder, and its digest is in the
// result. No weights are a fault of the machine.
func TestPublishedNetwork(t *testing.T) {
	b := openGo(t)
	d := sweep.Dataset{Name: sweep.ImageFolder, Path: colours(t), FolderClasses: 3, FolderChannels: 3, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}}
	named := &sweep.Features{Network: sweep.EfficientNetLite0}
	classifier, err := OpenClassifier(b, d, named)
	require.NoError(t, err)
	require.Nil(t, classifier, "it has not learned these classes")

	cache, err := folder.Cache()
	require.NoError(t, err)
	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
	t.Setenv("PIP_FIND_LINKS", "")
	_, err = NewEvaluator(t.Context(), b, d, named, 2, nil)
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailEnvironment, failure.Class)
	require.ErrorContains(t, err, "weights of efficientnet-lite0")

	if _, err := os.Stat(filepath.Join(cache, "features")); err != nil {
		t.Skip("`tailsweep features install` has not run here")
	}
	t.Setenv(folder.CacheVariable, cache)
	e, err := NewEvaluator(t.Context(), b, d, named, 2, nil)
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", e.Features)
	require.Len(t, e.real.features, 11*sweep.EfficientNetLite0Dims)
	require.Nil(t, e.real.predictions)
	require.Contains(t, e.Floor, "diversity.head")
}

// A folder of coloured images trains, and its checkpoint draws a grid in colour, with
// the names and counts of its classes where the images are not, too.
func TestAColouredFolderFromTrainingToGrid(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	b := openGo(t)
	images := colours(t)
	j := job.Train{
		TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: sweep.Spec{
			APIVersion: sweep.APIVersion, Name: "colours",
			Dataset:     sweep.Dataset{Name: sweep.ImageFolder, Path: images, FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}},
			Model:       sweep.Model{Arch: sweep.ArchDiT, Width: 64, Depth: 1, Patch: 2, Heads: 2},
			Train:       spectest.Train(sweep.Train{Steps: 250, Batch: 8, LR: 3e-3, EMA: 0.9, Seed: 1, LogEvery: 20}),
			Evaluate:    sweep.Evaluate{SamplesPerClass: 2, Guidance: []float64{0}, Sampler: sweep.SamplerDDIM, DDIMSteps: 10, Seed: 5},
			Checkpoints: sweep.Checkpoints{EverySteps: 250},
		}, Assignment: sweep.Assignment{Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{}}}, Staging: t.TempDir()},
	}
	require.NoError(t, trainer.Train(t.Context(), j, trainer.Options{Backend: b, Events: func(job.Event) error { return nil }}))
	m, err := Open(b, filepath.Join(j.Staging, checkpoint.DirName(250)))
	require.NoError(t, err)
	defer m.Close()

	draw := func() image.Image {
		path := filepath.Join(t.TempDir(), GridName)
		require.NoError(t, SampleGrids(t.Context(), []*trainer.Model{m}, path, GridOptions{Guidance: []float64{0}, Titles: []string{""}, Steps: 10, Columns: 2}))
		return readPNG(t, path)
	}
	grid := draw()
	cell := 8*gridScale + gridGap
	require.Equal(t, image.Rect(0, 0, gridLabel+2*cell+gridGap, 3*cell+gridGap), grid.Bounds())
	for row, channel := range []int{0, 1, 2} { // red, the head, above green above blue
		var sum [3]int
		for y := range 8 * gridScale {
			for x := range 8 * gridScale {
				r, g, b, _ := grid.At(gridLabel+x, gridGap+row*cell+y).RGBA()
				for c, v := range []uint32{r, g, b} {
					sum[c] += int(v)
				}
			}
		}
		for c, v := range sum {
			if c != channel {
				require.Greater(t, sum[channel], 3*v/2, "row %d: %v", row, sum)
			}
		}
	}

	_, err = NewEvaluator(t.Context(), b, j.Spec.Dataset, nil, 2, nil)
	var failure *sweep.FailureError
	require.True(t, errors.As(err, &failure))
	require.Equal(t, sweep.FailBadData, failure.Class)
	require.ErrorContains(t, err, "evaluate.features: missing, and there is no built-in classifier for image-folder")

	require.NoError(t, os.RemoveAll(images))
	require.Equal(t, grid, draw(), "the checkpoint knows its classes")
}
