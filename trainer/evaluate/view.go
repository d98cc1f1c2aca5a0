package evaluate

import (
	"slices"

	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/distance"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// view is N labelled images with their features.
type view struct {
	features    []float32 // `[N, D]`
	dims        int       // D
	labels      []int     // `[N]`; of a sample the class that it was sampled as
	predictions []int     // `[N]`, nil without a classifier
	pixels      dataset.Images
}

// newView joins images with the outputs of the networks.
func newView(images dataset.Images, labels []int, dims int, out features.Output, predictions []int) view {
	v := view{features: out.Features, dims: dims, labels: labels, pixels: images}
	if len(predictions) == len(labels) {
		v.predictions = predictions
	}
	return v
}

// rows returns the images of v at these indices.
func (v view) rows(indices []int) view {
	part := view{dims: v.dims, pixels: dataset.Part(v.pixels, indices)}
	for _, i := range indices {
		part.features = append(part.features, v.features[i*v.dims:(i+1)*v.dims]...)
		part.labels = append(part.labels, v.labels[i])
		if v.predictions != nil {
			part.predictions = append(part.predictions, v.predictions[i])
		}
	}
	return part
}

// where returns the images of v whose index and label match accepts.
func (v view) where(match func(i, label int) bool) view {
	var indices []int
	for i, label := range v.labels {
		if match(i, label) {
			indices = append(indices, i)
		}
	}
	return v.rows(indices)
}

// of returns the images of v with these labels.
func (v view) of(classes []int) view {
	return v.where(func(_, label int) bool { return slices.Contains(classes, label) })
}

// evenly returns at most n images of each label of v, spread evenly over its images: the
// files of a folder are in the order of their names, and neighbours may be alike.
func (v view) evenly(n int) view {
	all, seen := map[int]int{}, map[int]int{}
	for _, label := range v.labels {
		all[label]++
	}
	return v.where(func(_, label int) bool {
		i, of := seen[label], all[label]
		seen[label]++
		return of <= n || i*n/of != (i+1)*n/of
	})
}

// set is the features of v by label, each of which has the same weight.
func (v view) set() distance.Set { return distance.NewSet(v.features, v.dims, v.labels) }

// perClass returns the number of images of the rarest label of v, 0 for an empty view.
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

// half returns every second image of v, starting with image 0 or 1.
func (v view) half(which int) view {
	return v.where(func(i, _ int) bool { return i%2 == which })
}
