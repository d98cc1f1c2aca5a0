package evaluate

import (
	"slices"

	"github.com/tailsweep/tailsweep/trainer/features"
)

// view is N labelled images as the metrics see them.
type view struct {
	features    []float32 // `[N, D]`
	dims        int       // D
	labels      []int     // `[N]`; of samples what they were asked to be
	predictions []int     // `[N]`, nil without a classifier
	pixels      []float32 // `[N, P]`
	size        int       // P, values of an image
}

// newView joins what the networks said of images.
func newView(images []float32, labels []int, dims int, out features.Output, predictions []int) view {
	v := view{features: out.Features, dims: dims, labels: labels, pixels: images}
	if len(labels) > 0 {
		v.size = len(images) / len(labels)
	}
	if len(predictions) == len(labels) {
		v.predictions = predictions
	}
	return v
}

// rows is the part of v at these indices.
func (v view) rows(indices []int) view {
	part := view{dims: v.dims, size: v.size}
	for _, i := range indices {
		part.features = append(part.features, v.features[i*v.dims:(i+1)*v.dims]...)
		part.pixels = append(part.pixels, v.pixels[i*v.size:(i+1)*v.size]...)
		part.labels = append(part.labels, v.labels[i])
		if v.predictions != nil {
			part.predictions = append(part.predictions, v.predictions[i])
		}
	}
	return part
}

// where is the part of v whose index and label hold.
func (v view) where(holds func(i, label int) bool) view {
	var indices []int
	for i, label := range v.labels {
		if holds(i, label) {
			indices = append(indices, i)
		}
	}
	return v.rows(indices)
}

// of is the part of v with these labels.
func (v view) of(classes []int) view {
	return v.where(func(_, label int) bool { return slices.Contains(classes, label) })
}

// first is the part of v with the first n images of each label.
func (v view) first(n int) view {
	seen := map[int]int{}
	return v.where(func(_, label int) bool {
		seen[label]++
		return seen[label] <= n
	})
}

// perClass is how many images the rarest label of v has, 0 where there are none.
func (v view) perClass() int {
	seen := map[int]int{}
	for _, label := range v.labels {
		seen[label]++
	}
	least := 0
	for _, n := range seen {
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}

// half is every second image of v, the first one (0) or the second (1) on.
func (v view) half(which int) view {
	return v.where(func(i, _ int) bool { return i%2 == which })
}
