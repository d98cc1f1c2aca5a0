package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The grids of a page have a bound together, however large and noisy they are.
func TestThumbnailsBoundThePage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := image.NewRGBA(image.Rect(0, 0, 1200, 900))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(r.Uint32()) | uint8(255*(i%4/3))
	}
	for y := range 450 {
		for x := range 600 {
			noise.SetRGBA(x, y, color.RGBA{200, 0, 0, 255})
		}
	}
	var grid bytes.Buffer
	require.NoError(t, png.Encode(&grid, noise))
	same, err := Thumbnail(grid.Bytes(), 3)
	require.NoError(t, err)
	require.Equal(t, grid.Bytes(), same)
	small, err := Thumbnail(grid.Bytes(), 100)
	require.NoError(t, err)
	require.LessOrEqual(t, len(small), gridsBytes/100)
	img, err := png.Decode(bytes.NewReader(small))
	require.NoError(t, err)
	require.Greater(t, img.Bounds().Dx(), 200)
	require.InDelta(t, 4.0/3, float64(img.Bounds().Dx())/float64(img.Bounds().Dy()), 0.02)
	red, green, _, _ := img.At(img.Bounds().Dx()/4, img.Bounds().Dy()/4).RGBA()
	require.InDelta(t, 200, red>>8, 1)
	require.Zero(t, green)

	_, err = Thumbnail(make([]byte, gridsBytes+1), 1)
	require.ErrorContains(t, err, "not a PNG file")
}
