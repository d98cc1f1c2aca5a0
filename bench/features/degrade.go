package main

import (
	"math"
	"math/rand/v2"
)

// levels is how strongly an image can be degraded.
const levels = 3

// degradation changes images at a level. The labels stay.
type degradation struct {
	name  string
	apply func(data images, indices []int, level int) (labels []int, pixels []float32)
}

func degradations() []degradation {
	return []degradation{
		{"blur", eachImage(func(image []float32, size, channels, level int, _ *rand.Rand) {
			blur(image, size, channels, []float64{0.5, 1, 2}[level])
		})},
		{"noise", eachImage(func(image []float32, _, _, level int, r *rand.Rand) {
			for i := range image {
				image[i] = clipped(float64(image[i]) + 2*[]float64{0.05, 0.1, 0.2}[level]*r.NormFloat64())
			}
		})},
		{"colour", eachImage(func(image []float32, _, channels, level int, _ *rand.Rand) {
			by := 2 * []float64{0.05, 0.1, 0.2}[level]
			for i := 0; i < len(image); i += channels {
				image[i], image[i+2] = clipped(float64(image[i])+by), clipped(float64(image[i+2])-by)
			}
		})},
		{"collapse", replaced(func(own, first []int, level int, r *rand.Rand) func(k int) int {
			share := []float64{0.1, 0.3, 0.9}[level]
			return func(k int) int {
				if r.Float64() < share {
					return first[r.IntN(len(first))]
				}
				return own[k]
			}
		})},
		{"memorised", replaced(func(own, _ []int, level int, _ *rand.Rand) func(k int) int {
			distinct := max(1, len(own)/[]int{2, 8, 32}[level])
			return func(k int) int { return own[k%distinct] }
		})},
	}
}

// eachImage changes copies of the images one by one.
func eachImage(change func(image []float32, size, channels, level int, r *rand.Rand)) func(data images, indices []int, level int) ([]int, []float32) {
	return func(data images, indices []int, level int) ([]int, []float32) {
		s := subset(data, indices)
		r := rand.New(rand.NewPCG(uint64(level), 7))
		for i := range s.Len() {
			change(s.image(i), s.Size, s.Channels, level, r)
		}
		return s.Labels, s.pixels
	}
}

// replaced takes for image k of a class the image that choose names, out of those of the
// class or of the first class.
func replaced(choose func(own, first []int, level int, r *rand.Rand) func(k int) int) func(data images, indices []int, level int) ([]int, []float32) {
	return func(data images, indices []int, level int) ([]int, []float32) {
		byClass := make([][]int, len(data.Classes))
		for _, i := range indices {
			byClass[data.Labels[i]] = append(byClass[data.Labels[i]], i)
		}
		r := rand.New(rand.NewPCG(uint64(level), 8))
		var labels []int
		var pixels []float32
		for class, own := range byClass {
			pick := choose(own, byClass[0], level, r)
			for k := range own {
				labels, pixels = append(labels, class), append(pixels, data.image(pick(k))...)
			}
		}
		return labels, pixels
	}
}

func clipped(v float64) float32 { return float32(math.Max(-1, math.Min(1, v))) }

// blur convolves each channel with a Gaussian. Pixels outside are those of the edge.
func blur(image []float32, size, channels int, sigma float64) {
	radius := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*radius+1)
	var sum float64
	for i := range kernel {
		d := float64(i-radius) / sigma
		kernel[i] = math.Exp(-d * d / 2)
		sum += kernel[i]
	}
	for _, step := range [][2]int{{channels, size * channels}, {size * channels, channels}} {
		along, across := step[0], step[1]
		line := make([]float64, size)
		for c := range channels {
			for l := range size {
				at := c + l*across
				for i := range line {
					line[i] = 0
					for k, w := range kernel {
						j := min(max(i+k-radius, 0), size-1)
						line[i] += w / sum * float64(image[at+j*along])
					}
				}
				for i, v := range line {
					image[at+i*along] = float32(v)
				}
			}
		}
	}
}
