package dataset

import "slices"

// Images are images `[S, S, Channels]` with values in [-1, 1], -1 is black. They are in memory
// or in a file of the cache, and any number of goroutines may read them.
type Images interface {
	// Len is the number of images.
	Len() int
	// Read writes image i to dst, which has as many values as an image.
	Read(dst []float32, i int) error
}

// InMemory returns images of n values each. They share the memory of values.
func InMemory(values []float32, n int) Images { return inMemory{values, n} }

type inMemory struct {
	values []float32
	n      int
}

func (m inMemory) Len() int { return len(m.values) / m.n }

func (m inMemory) Read(dst []float32, i int) error {
	copy(dst, m.values[i*m.n:(i+1)*m.n])
	return nil
}

// Part returns the images at these indices.
func Part(of Images, indices []int) Images {
	if p, ok := of.(part); ok {
		own := make([]int, len(indices))
		for k, i := range indices {
			own[k] = p.indices[i]
		}
		return part{p.of, own}
	}
	return part{of, indices}
}

type part struct {
	of      Images
	indices []int
}

func (p part) Len() int                        { return len(p.indices) }
func (p part) Read(dst []float32, i int) error { return p.of.Read(dst, p.indices[i]) }

// Joined returns the images of a and then those of b, of the same size.
func Joined(a, b Images) Images { return joined{a, b} }

type joined struct{ a, b Images }

func (j joined) Len() int { return j.a.Len() + j.b.Len() }

func (j joined) Read(dst []float32, i int) error {
	if n := j.a.Len(); i >= n {
		return j.b.Read(dst, i-n)
	}
	return j.a.Read(dst, i)
}

// Where returns the images of s for which chosen is true.
func (s *Set) Where(chosen []bool) *Set {
	selected := *s
	selected.Labels, selected.Counts = nil, make([]int, len(s.Classes))
	var indices []int
	for i, label := range s.Labels {
		if chosen[i] {
			indices = append(indices, i)
			selected.Labels = append(selected.Labels, label)
			selected.Counts[label]++
		}
	}
	selected.Images = Part(s.Images, indices)
	return &selected
}

// With returns the images of a set, followed by others with these labels.
func (s *Set) With(others Images, labels []int) *Set {
	both := *s
	both.Images, both.Labels, both.Counts = Joined(s.Images, others), slices.Concat(s.Labels, labels), slices.Clone(s.Counts)
	for _, label := range labels {
		both.Counts[label]++
	}
	return &both
}
