package evaluate

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
)

var regen = flag.Bool("regen", false, "write testdata/grid.png anew")

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return img
}

// TestGridGolden draws three real images of each class; testdata/grid.png was
// looked at by a person.
func TestGridGolden(t *testing.T) {
	const n = 3
	some, _ := part(t, 0, n)
	r := Result{SamplesPerClass: n, images: some.Images}
	path := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, r.WriteGrid(path, &trainer.Model{Spec: sweep.Spec{Dataset: longTail}}))
	golden := filepath.Join("testdata", "grid.png")
	if *regen {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(golden, data, 0o600))
	}
	want, got := readPNG(t, golden), readPNG(t, path)
	require.Equal(t, want.Bounds(), got.Bounds())
	require.Equal(t, want, got)
}

func TestGridHasARowAClassByFrequency(t *testing.T) {
	d := longTail
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.1}
	const perClass, columns = 12, gridColumns
	size := d.Size * d.Size
	images := make([]float32, 10*perClass*size)
	for i := range images {
		images[i] = 2*float32(i/size/perClass)/9 - 1 // a class is one grey
	}
	path := filepath.Join(t.TempDir(), "grid.png")
	r := Result{SamplesPerClass: perClass, images: images}
	require.NoError(t, r.WriteGrid(path, &trainer.Model{Spec: sweep.Spec{Dataset: d}}))
	img := readPNG(t, path)
	cell := d.Size*gridScale + gridGap
	require.Equal(t, image.Rect(0, 0, gridLabel+columns*cell+gridGap, 10*cell+gridGap), img.Bounds())
	for row := range 10 {
		grey := 255 - uint8(255*(images[row*perClass*size]+1)/2)
		for _, column := range []int{0, columns - 1} {
			at := img.At(gridLabel+column*cell+5, gridGap+row*cell+5)
			require.Equal(t, color.RGBA{grey, grey, grey, 255}, at, "row %d", row)
		}
	}
}

func TestPaintColour(t *testing.T) {
	canvas := image.NewRGBA(image.Rect(0, 0, 20, 20))
	paint(canvas, 0, 0, 2, 3, []float32{-1, 0, 1, 1, 1, 1, 0, 0, 0, -1, -1, -1})
	require.Equal(t, color.RGBA{0, 127, 255, 255}, canvas.At(0, 0))
	require.Equal(t, color.RGBA{255, 255, 255, 255}, canvas.At(gridScale, 0))
	require.Equal(t, color.RGBA{127, 127, 127, 255}, canvas.At(0, gridScale))
	require.Equal(t, color.RGBA{0, 0, 0, 255}, canvas.At(gridScale, gridScale))
}
