package imagefile

import (
	"image"
	"image/color"
)

// Look is what an image shows before it is scaled.
type Look struct {
	Width, Height int  // in pixels, as stored
	Grey          bool // no pixel that was looked at has a colour
	Transparent   bool // some pixel is not opaque
	// Luma is the mean of the pixels that were looked at, each with the weight of its
	// opacity, from 0, black, to 255, white. It is 0 where none is visible.
	Luma float64
}

// LookAt decodes an image file, called name in errors, and looks at pixels spread evenly over
// it. An error is a *format.Error.
func LookAt(name string, data []byte) (l Look, err error) {
	err = decode(name, data, func(img image.Image, _ *kind) { l = look(img) })
	return l, err
}

func look(img image.Image) Look {
	const (
		points   = 64 // along each side
		coloured = 6  // difference of two of R, G and B that a lossy format may have in grey
	)
	b := img.Bounds()
	known, ok := img.(interface{ Opaque() bool })
	l := Look{Width: b.Dx(), Height: b.Dy(), Grey: true, Transparent: !ok || !known.Opaque()}
	var luma, weight float64
	for y := range min(points, b.Dy()) {
		for x := range min(points, b.Dx()) {
			px := color.NRGBAModel.Convert(img.At(b.Min.X+x*b.Dx()/min(points, b.Dx()), b.Min.Y+y*b.Dy()/min(points, b.Dy()))).(color.NRGBA)
			if px.A == 0 {
				continue
			}
			least, most := min(px.R, px.G, px.B), max(px.R, px.G, px.B)
			l.Grey = l.Grey && most-least <= coloured
			opacity := float64(px.A) / 255
			weight += opacity
			luma += opacity * float64(color.GrayModel.Convert(color.RGBA{px.R, px.G, px.B, 255}).(color.Gray).Y)
		}
	}
	if weight > 0 {
		l.Luma = luma / weight
	}
	return l
}
