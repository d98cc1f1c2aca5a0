package imagefile

import (
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLookAt(t *testing.T) {
	grey := color.Gray{100}
	half := image.NewNRGBA(image.Rect(0, 0, 30, 20)) // a black half, and a transparent one
	for y := range 20 {
		for x := range 15 {
			half.Set(x, y, color.NRGBA{A: 255})
		}
	}
	spot := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range spot.Pix {
		spot.Pix[i] = 255
	}
	spot.Set(3, 3, color.NRGBA{255, 0, 0, 255})
	for name, c := range map[string]struct {
		img  image.Image
		want Look
	}{
		"grey":        {solid(40, 24, grey), Look{Width: 40, Height: 24, Grey: true, Luma: 100}},
		"transparent": {half, Look{Width: 30, Height: 20, Grey: true, Transparent: true}},
		"empty":       {image.NewNRGBA(image.Rect(0, 0, 5, 5)), Look{Width: 5, Height: 5, Grey: true, Transparent: true}},
		"a red spot":  {spot, Look{Width: 8, Height: 8, Luma: (63*255 + 76) / 64.0}},
		"white":       {solid(300, 2, color.White), Look{Width: 300, Height: 2, Grey: true, Luma: 255}},
	} {
		got, err := LookAt(name, pngOf(t, c.img))
		require.NoError(t, err)
		require.InDelta(t, c.want.Luma, got.Luma, 1e-9, name)
		got.Luma = c.want.Luma
		require.Equal(t, c.want, got, name)
	}
	jpeg, err := LookAt("jpeg", jpegOf(t, solid(16, 16, grey)))
	require.NoError(t, err)
	require.True(t, jpeg.Grey, "a lossy format has grey that is not exact")
	_, err = LookAt("f", header(100000, 100000))
	require.ErrorContains(t, err, "f: an image of 100000x100000 pixels")
}
