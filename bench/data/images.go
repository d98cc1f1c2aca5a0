package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

const (
	classes  = 10
	distinct = 20000 // images; more are copies of them, which take as long to read
)

// makeImages fills dir with count colour images of size pixels, in folders by class: a disc on
// a gradient, with noise in the lowest bits, so that the files are as large as those of
// photographs.
func makeImages(dir string, count, size int) error {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for class := range classes {
		if err := os.MkdirAll(filepath.Join(dir, fmt.Sprintf("class%d", class)), 0o755); err != nil {
			return err
		}
	}
	for i := range min(count, distinct) {
		group.Go(func() error {
			var out bytes.Buffer
			encoder := png.Encoder{CompressionLevel: png.BestSpeed}
			if err := encoder.Encode(&out, drawn(i, size)); err != nil {
				return err
			}
			for k := i; k < count; k += distinct {
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("class%d", i%classes), fmt.Sprintf("%07d.png", k)), out.Bytes(), 0o600); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// drawn is image i.
func drawn(i, size int) *image.NRGBA {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	x0, y0, radius := r.IntN(size), r.IntN(size), size/8+r.IntN(size/4)
	tint, noise := r.Uint32(), r.Uint64()
	for y := range size {
		for x := range size {
			noise = noise*6364136223846793005 + 1442695040888963407
			level := uint8(64 + 96*(x+y)/size/2)
			if (x-x0)*(x-x0)+(y-y0)*(y-y0) < radius*radius {
				level += 64
			}
			at := img.PixOffset(x, y)
			for c := range 3 {
				img.Pix[at+c] = level ^ uint8(tint>>(8*c))&63 ^ uint8(noise>>(40+8*c))&7
			}
			img.Pix[at+3] = 255
		}
	}
	return img
}

// writeClassifier writes a classifier with weights of 0, which a spec of an image folder must
// name. Nothing here uses it.
func writeClassifier(path string) error {
	var all []checkpoint.Tensor
	for name, dims := range map[string][]int{
		"conv0.kernel": {3, 3, 3, 24}, "conv0.bias": {1, 1, 1, 24}, "conv1.kernel": {3, 3, 24, 48}, "conv1.bias": {1, 1, 1, 48},
		"conv2.kernel": {3, 3, 48, 64}, "conv2.bias": {1, 1, 1, 64}, "features.weight": {1024, 64}, "features.bias": {1, 64},
		"logits.weight": {64, classes}, "logits.bias": {1, classes},
	} {
		n := 1
		for _, d := range dims {
			n *= d
		}
		all = append(all, checkpoint.FromFloat32(name, dims, make([]float32, n)))
	}
	var out bytes.Buffer
	if err := checkpoint.EncodeTensors(&out, all, nil); err != nil {
		return err
	}
	return file.Write(path, out.Bytes(), 0o600)
}
