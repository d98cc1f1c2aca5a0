package report

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"

	"golang.org/x/image/draw"
)

const (
	gridsBytes = 32 << 20 // of the sample grids of a page together
	gridPixels = 64 << 20 // of a grid that is scaled
)

// Thumbnail returns a sample grid as a page with so many grids has it: unchanged, or scaled
// down so that the page stays small enough to open and to send.
func Thumbnail(grid []byte, grids int) ([]byte, error) {
	most := gridsBytes / max(1, grids)
	if len(grid) <= most {
		return grid, nil
	}
	config, err := png.DecodeConfig(bytes.NewReader(grid))
	if err != nil {
		return nil, err
	}
	if config.Width*config.Height > gridPixels {
		return nil, fmt.Errorf("it has %dx%d pixels, more than %d", config.Width, config.Height, gridPixels)
	}
	full, err := png.Decode(bytes.NewReader(grid))
	if err != nil {
		return nil, err
	}
	for scale := math.Sqrt(float64(most) / float64(len(grid))); ; scale *= 0.8 {
		small := image.NewRGBA(image.Rect(0, 0, max(1, int(scale*float64(config.Width))), max(1, int(scale*float64(config.Height)))))
		draw.CatmullRom.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
		var out bytes.Buffer
		if err := png.Encode(&out, small); err != nil {
			return nil, err
		}
		if out.Len() <= most || small.Rect.Dx() == 1 {
			return out.Bytes(), nil
		}
	}
}
