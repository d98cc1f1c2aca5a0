package dataset

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Order decides which images a training step sees, as a function of the seed and the
// step alone. It is not safe for concurrent use, since it keeps the last permutations.
type Order struct {
	set   *Set
	batch int
	seed  int64
	draw  *classes // nil: natural frequencies
	perms [2]permutation
}

type permutation struct {
	epoch uint64
	order []int
}

// Order returns the order of training with batches of this many images.
//
// With resampling 0, each image comes once in an epoch, and each epoch has an order of
// its own; an epoch may end in the middle of a batch. With f = resampling in (0, 1],
// every image of a batch is drawn independently: first a class, with probability
// proportional to f^(r/(C-1)), where r is its rank by frequency (0 the most frequent,
// ties by class index), then one of its images uniformly. A class without images is
// never drawn.
func (s *Set) Order(batch int, seed int64, resampling float64) *Order {
	o := &Order{set: s, batch: batch, seed: seed}
	if resampling > 0 {
		o.draw = newClasses(s.Counts, resampling)
	}
	return o
}

// Batch returns the indices into the set of the images of a step, counted from 0.
func (o *Order) Batch(step int) []int {
	out := make([]int, o.batch)
	if o.draw != nil {
		r := stream("resample", o.seed, uint64(step))
		for i := range out {
			out[i] = o.draw.image(r)
		}
		return out
	}
	n := uint64(o.set.Len())
	for i := range out {
		at := uint64(step)*uint64(o.batch) + uint64(i)
		out[i] = o.permutation(at / n)[at%n]
	}
	return out
}

// Flip mirrors each of the images `[B, S, S, Channels]` of a step left to right with
// probability 1/2: a function of the seed and the step alone.
func (s *Set) Flip(images []float32, seed int64, step int) {
	r := stream("flip", seed, uint64(step))
	row := s.Size * s.Channels
	for n := s.pixels(); len(images) > 0; images = images[n:] {
		if r.Uint64()&1 == 0 {
			continue
		}
		for y := range s.Size {
			line := images[y*row : (y+1)*row]
			for x := range s.Size / 2 {
				left, right := x*s.Channels, (s.Size-1-x)*s.Channels
				for c := range s.Channels {
					line[left+c], line[right+c] = line[right+c], line[left+c]
				}
			}
		}
	}
}

func (o *Order) permutation(epoch uint64) []int {
	p := &o.perms[epoch%2]
	if p.order == nil || p.epoch != epoch {
		*p = permutation{epoch: epoch, order: stream("epoch", o.seed, epoch).Perm(o.set.Len())}
	}
	return p.order
}

// classes draws images of a set that is ordered by class.
type classes struct {
	cumulative []float64 // by class, the last is 1
	first      []int     // index of a class's first image
	counts     []int
}

func newClasses(counts []int, f float64) *classes {
	ranked := make([]int, len(counts))
	for i := range ranked {
		ranked[i] = i
	}
	slices.SortStableFunc(ranked, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })

	p := make([]float64, len(counts))
	for rank, class := range ranked {
		if counts[class] > 0 {
			p[class] = math.Pow(f, float64(rank)/float64(max(1, len(counts)-1)))
		}
	}
	c := &classes{cumulative: make([]float64, len(counts)), first: make([]int, len(counts)), counts: counts}
	var below float64
	images := 0
	for class := range counts {
		below += p[class]
		c.cumulative[class] = below
		c.first[class] = images
		images += counts[class]
	}
	for class := range c.cumulative {
		c.cumulative[class] /= below
	}
	return c
}

func (c *classes) image(r *rand.Rand) int {
	u := r.Float64() // below 1, which the last edge is exactly; a class without images has no width
	class := slices.IndexFunc(c.cumulative, func(edge float64) bool { return u < edge })
	return c.first[class] + r.IntN(c.counts[class])
}
