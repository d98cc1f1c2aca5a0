package imagefile

import (
	"fmt"
	"image"
	"image/color"
)

// DecodeAsIs decodes an image file, called name in errors, into dst
// `[size, size, channels]`, if it is such an image: nothing is cut, scaled or mixed. Another
// size, transparent pixels, more than 8 bits and a grey image in place of RGB are errors, and
// colours in place of grey. grey reports that an RGB image without colours was read as grey. An
// error names the file, what it has and what is valid.
func DecodeAsIs(name string, data, dst []byte, size, channels int) (grey bool, err error) {
	var fault error
	refuse := func(has, valid string) { fault = fmt.Errorf("%s: %s (valid: %s)", name, has, valid) }
	err = decode(name, data, func(img image.Image, k *kind) {
		b := img.Bounds()
		opaque, known := img.(interface{ Opaque() bool })
		coloured := img.ColorModel() != color.GrayModel
		switch {
		case b.Dx() != size || b.Dy() != size:
			refuse(fmt.Sprintf("an image of %dx%d pixels", b.Dx(), b.Dy()), fmt.Sprintf("%dx%[1]d, the dataset's size", size))
		case deep(img):
			refuse("an image of 16 bits a channel", "8 bits")
		case !known || !opaque.Opaque():
			refuse("an image with transparent pixels", "opaque pixels")
		case channels == 3 && !coloured:
			refuse("a grey image", "RGB, as the dataset is")
		case channels == 1 && coloured:
			grey = true
			rgb := make([]byte, 3*size*size)
			fit(img, rgb, Options{Size: size, Channels: 3}, k.orientation(data))
			for i := range dst {
				px := rgb[3*i : 3*i+3]
				if dst[i] = px[0]; px[0] != px[1] || px[1] != px[2] {
					refuse("an image with colours", "grey, as the dataset is")
					return
				}
			}
		default:
			fit(img, dst, Options{Size: size, Channels: channels}, k.orientation(data))
		}
	})
	if err == nil {
		err = fault
	}
	return grey && err == nil, err
}

// deep reports whether an image has more than 8 bits a channel.
func deep(img image.Image) bool {
	switch img.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		return true
	}
	return false
}
