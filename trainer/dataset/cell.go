package dataset

import (
	"image"
	"image/color"

	"golang.org/x/image/draw"
)

// cellMost is the side of the largest image that is drawn at full size among others.
const cellMost = 128

// CellSide is the side of an image of size pixels among others: enlarged by a whole factor
// up to about side, or scaled down to cellMost.
func CellSide(size, side int) int {
	if size > cellMost {
		return cellMost
	}
	return size * max(1, side/size)
}

// DrawCell draws an image of size pixels, `[S, S, K]` with values in [-1, 1], as a square of this
// side.
func DrawCell(canvas *image.RGBA, left, top, side, size int, values []float32) {
	levels, channels := Levels(values), len(values)/(size*size)
	at := func(x, y int) color.RGBA {
		pixel := levels[(y*size+x)*channels:][:channels]
		return color.RGBA{pixel[0], pixel[channels/2], pixel[channels-1], 255}
	}
	if side >= size {
		for y := range side {
			for x := range side {
				canvas.SetRGBA(left+x, top+y, at(x*size/side, y*size/side))
			}
		}
		return
	}
	full := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			full.SetRGBA(x, y, at(x, y))
		}
	}
	draw.CatmullRom.Scale(canvas, image.Rect(left, top, left+side, top+side), full, full.Bounds(), draw.Src, nil)
}
