package imagefile

import (
	"bytes"
	"image"
	"image/png"
)

// Encode writes an image `[Size, Size, Channels]`, of 1 channel grey or 3 RGB, as PNG. Decode
// with the same size and number of channels returns the same pixels.
func Encode(pixels []byte, size int) ([]byte, error) {
	frame := image.Rect(0, 0, size, size)
	var img image.Image = &image.Gray{Pix: pixels, Stride: size, Rect: frame}
	if len(pixels) == 3*size*size {
		rgb := image.NewRGBA(frame)
		for i := range size * size {
			copy(rgb.Pix[4*i:], pixels[3*i:3*i+3])
			rgb.Pix[4*i+3] = 255
		}
		img = rgb
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
