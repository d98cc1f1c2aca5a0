package dataset

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// tiny is a set whose images are not used.
func tiny(counts ...int) *Set {
	s := &Set{Size: 1, About: About{Counts: counts}}
	for class, n := range counts {
		for range n {
			s.Labels = append(s.Labels, class)
		}
	}
	return s
}

func TestEveryEpochSeesEveryImageOnce(t *testing.T) {
	s := tiny(7, 4, 2)
	order := s.Order(5, 3, 0)
	var seen []int
	for step := range 13 { // 65 images: 5 epochs of 13
		seen = append(seen, order.Batch(step)...)
	}
	var orders [][]int
	for epoch := range 5 {
		part := seen[13*epoch : 13*(epoch+1)]
		orders = append(orders, slices.Clone(part))
		slices.Sort(part)
		for i, index := range part {
			require.Equal(t, i, index, "epoch %d", epoch)
		}
	}
	require.NotEqual(t, orders[0], orders[1], "each epoch has an order of its own")
}

func TestOrderIsAFunctionOfSeedAndStep(t *testing.T) {
	s := tiny(70, 40, 20)
	for _, resampling := range []float64{0, 0.1} {
		through := s.Order(16, 9, resampling)
		var want [][]int
		for step := range 40 {
			want = append(want, through.Batch(step))
		}
		for _, step := range []int{39, 3, 3, 20, 0} {
			require.Equal(t, want[step], through.Batch(step), "out of order")
			require.Equal(t, want[step], s.Order(16, 9, resampling).Batch(step), "resumed")
		}
		require.NotEqual(t, want[0], s.Order(16, 10, resampling).Batch(0), "another seed")
		require.NotEqual(t, want[0], want[1])
	}
}

func TestOrderIsPinned(t *testing.T) {
	s := tiny(7, 4, 2)
	require.Equal(t, []int{1, 4, 7, 11, 8}, s.Order(5, 3, 0).Batch(1), "another order makes every trial of old checkpoints irreproducible")
	require.Equal(t, []int{5, 9, 8, 11, 12}, s.Order(5, 3, 0.5).Batch(1))
}

func TestABatchMayBeLargerThanTheSet(t *testing.T) {
	times := make([]int, 3)
	for _, i := range tiny(2, 1).Order(7, 1, 0).Batch(0) {
		times[i]++
	}
	slices.Sort(times)
	require.Equal(t, []int{2, 2, 3}, times, "two epochs and the start of a third")
}

func TestResamplingDrawsClassesByRank(t *testing.T) {
	s := tiny(60, 0, 6000, 600) // by rank: classes 2, 3, 0, and 1 without images
	f := 0.1
	order := s.Order(100, 5, f)
	const steps = 400
	got := make([]float64, 4)
	images := map[int]int{}
	for step := range steps {
		for _, i := range order.Batch(step) {
			got[s.Labels[i]]++
			images[i]++
		}
	}
	weights := []float64{math.Pow(f, 2./3), 0, 1, math.Pow(f, 1./3)}
	sum := weights[0] + weights[2] + weights[3]
	const n = steps * 100
	for class, w := range weights {
		p := w / sum
		// Five standard deviations of a binomial count.
		require.InDelta(t, n*p, got[class], 5*math.Sqrt(n*p*(1-p)), "class %d", class)
	}
	for i := range 60 {
		require.Positive(t, images[i], "each image of a class is drawn")
	}
}

func TestResamplingOneIsUniform(t *testing.T) {
	s := tiny(1000, 10)
	order := s.Order(1000, 5, 1)
	rare := 0
	for step := range 10 {
		for _, i := range order.Batch(step) {
			rare += s.Labels[i]
		}
	}
	require.InDelta(t, 5000, rare, 5*math.Sqrt(10000*0.25))
}

// Half of the images are mirrored, as the seed and the step alone decide.
func TestFlip(t *testing.T) {
	s := &Set{Size: 3, Channels: 2}
	image := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}
	mirrored := []float32{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8, 17, 18, 15, 16, 13, 14}
	flip := func(seed int64, step int) []float32 {
		images := slices.Repeat(image, 1000)
		s.Flip(images, seed, step)
		return images
	}
	out := flip(1, 7)
	count := 0
	for i := 0; i < len(out); i += len(image) {
		if slices.Equal(out[i:i+len(image)], mirrored) {
			count++
		} else {
			require.Equal(t, image, out[i:i+len(image)])
		}
	}
	require.InDelta(t, 500, count, 60)
	require.Equal(t, out, flip(1, 7))
	require.NotEqual(t, out, flip(1, 8))
	require.NotEqual(t, out, flip(2, 7))
}
