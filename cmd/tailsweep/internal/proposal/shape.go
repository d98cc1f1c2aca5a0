package proposal

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
)

// Shape is the size of the images and the model that is trained on them.
type Shape struct {
	Size   int
	Preset string // of the model, or presetTiny
}

// The models, and the sizes of images that they are proposed for.
const (
	presetLarge  = "unet-released" // of a GPU
	presetMiddle = "unet-small-32"
	presetSmall  = "unet-small-28"    // three levels
	presetTiny   = "unet of width 16" // a quarter of the small one

	leastLarge = 5000 // images, for which the large model is not too large
	mostOnCPU  = 64
	mostOnGPU  = 128
	fewSides   = 16 // smaller images are proposed only where the images are smaller
	enlarged   = 1.5
)

// Shapes lists what can be trained on the folder, the best first: images of about their own
// size, then smaller ones, which train faster.
func (f Folder) Shapes(gpu bool) []Shape {
	most := min(mostOnCPU, sweep.MaxSize)
	if gpu {
		most = min(mostOnGPU, sweep.MaxSize)
	}
	var shapes []Shape
	if f.Median == 28 { // the size of MNIST and its relatives, which the classifier takes
		shapes = append(shapes, Shape{28, presetSmall})
	}
	first := sweep.MinSize
	for 2*first <= most && float64(2*first) <= enlarged*float64(f.Median) {
		first *= 2
	}
	for size := first; size >= min(first, fewSides); size /= 2 {
		if f.Median == 28 && size > 28 {
			continue
		}
		if gpu && size >= 32 && f.Total() >= leastLarge {
			shapes = append(shapes, Shape{size, presetLarge})
		}
		preset := presetSmall
		if size >= 32 {
			preset = presetMiddle
		}
		shapes = append(shapes, Shape{size, preset})
	}
	if !gpu {
		shapes = append(shapes, Shape{shapes[len(shapes)-1].Size, presetTiny})
	}
	return shapes
}

// model is the shape's model in the spec.
func (s Shape) model() string {
	if s.Preset == presetTiny {
		return "{arch: unet, width: 16, depth: 1}"
	}
	return "{preset: " + s.Preset + "}"
}

// String is the shape for people.
func (s Shape) String() string { return fmt.Sprintf("%dx%[1]d pixels, %s", s.Size, s.Preset) }
