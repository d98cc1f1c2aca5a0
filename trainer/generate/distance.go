package generate

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// A distance of two images is the root of the mean squared difference of their values, in
// grey levels of 0 to 255, so that it does not depend on the size. It is rounded to
// distanceDigits digits, so that the index shows what was compared.
const distanceDigits = 3

func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

// greyLevels converts the Euclidean distance of two images of n values in [-1, 1].
func greyLevels(euclidean float64, n int) float64 {
	return rounded(euclidean * 127.5 / math.Sqrt(float64(n)))
}

// nearest returns for each image the distances to the nearest and the second nearest of others.
func nearest(images, others dataset.Images, n int) (first, second []float64, err error) {
	first, second, err = distance.Nearest(images, others, n)
	for i := range first {
		first[i], second[i] = greyLevels(first[i], n), greyLevels(second[i], n)
	}
	return first, second, err
}

// thumbSide is the side of the means that generated images are compared by.
const thumbSide = 8

// thumb is the means of an image `[S,S,K]` over 8x8 cells, `[8,8,K]`. S is at least 8.
func thumb(pixels []byte, size int) []byte {
	channels := len(pixels) / (size * size)
	out := make([]byte, 0, thumbSide*thumbSide*channels)
	for row := range thumbSide {
		for column := range thumbSide {
			for c := range channels {
				sum, n := 0, 0
				for y := row * size / thumbSide; y < (row+1)*size/thumbSide; y++ {
					for x := column * size / thumbSide; x < (column+1)*size/thumbSide; x++ {
						sum += int(pixels[(y*size+x)*channels+c])
						n++
					}
				}
				out = append(out, byte((sum+n/2)/n))
			}
		}
	}
	return out
}

// thumbs are the means of some images of a class.
type thumbs [][]byte

// closest is the distance of a thumb to the nearest of the list, except the one at skip.
func (l thumbs) closest(of []byte, skip int) float64 {
	least := math.MaxInt
	for i, other := range l {
		if i == skip {
			continue
		}
		sum := 0
		for k, v := range of {
			d := int(v) - int(other[k])
			if sum += d * d; sum >= least {
				break
			}
		}
		least = min(least, sum)
	}
	if least == math.MaxInt {
		return math.Inf(1)
	}
	return rounded(math.Sqrt(float64(least) / float64(len(of))))
}

// leastQuantile is the value that a share of the values does not exceed, at least the smallest.
func leastQuantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}
