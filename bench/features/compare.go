package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/distance"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// splits is how often a set is halved to measure the noise of a distance between real images.
const splits = 12

// row is what one network is worth on one set.
type row struct {
	set             string
	images, classes int
	network         string
	dims            int
	accuracy        float64 // of 5 nearest neighbours, mean over classes
	kid, fid        orders  // fid is empty where there are too few images for so many features
}

// orders is what a distance says of degradations.
type orders struct {
	floor, noise float64     // mean and deviation of the distance between two halves
	degraded     [][]float64 // [degradation][level], the distance of a half that was degraded
}

// distances compares two sets: KID, and FID with at least twice as many images as features.
func distances(a, b sample) (kid, fid float64, err error) {
	if kid, _, err = distance.Kernel(a.Set, b.Set); err != nil || min(a.n, b.n) < 2*a.dims {
		return kid, math.NaN(), err
	}
	x, err := distance.NewMoments(a.Set)
	if err != nil {
		return 0, 0, err
	}
	y, err := distance.NewMoments(b.Set)
	if err != nil {
		return 0, 0, err
	}
	fid, err = distance.Frechet(x, y)
	return kid, fid, err
}

// sample is n images' features, each class with the same weight, as in an evaluation.
type sample struct {
	distance.Set
	n, dims int
}

// compare measures one network on one set.
func compare(ctx context.Context, n *network, data images) (row, error) {
	r := row{network: n.name, dims: n.dims}
	z, err := n.extract(ctx, data.pixels)
	if err != nil {
		return r, err
	}
	first, second := halves(data)
	known := z
	if n.half != nil {
		if known, err = n.half.extract(ctx, data.pixels); err != nil {
			return r, err
		}
	}
	r.accuracy = neighbours(known, n.dims, data, first, second)
	var kids, fids []float64
	for split := range splits {
		a, b := shuffled(data, uint64(split))
		kid, fid, err := distances(chosen(z, n.dims, data, a), chosen(z, n.dims, data, b))
		if err != nil {
			return r, err
		}
		kids, fids = append(kids, kid), append(fids, fid)
	}
	r.kid.floor, r.kid.noise = moments(kids)
	r.fid.floor, r.fid.noise = moments(fids)
	real := chosen(z, n.dims, data, first)
	for _, kind := range degradations() {
		kids, fids = nil, nil
		for level := range levels {
			labels, pixels := kind.apply(data, second, level)
			changed, err := n.extract(ctx, pixels)
			if err != nil {
				return r, err
			}
			kid, fid, err := distances(real, sample{distance.NewSet(changed, n.dims, labels), len(labels), n.dims})
			if err != nil {
				return r, err
			}
			kids, fids = append(kids, kid), append(fids, fid)
		}
		r.kid.degraded, r.fid.degraded = append(r.kid.degraded, kids), append(r.fid.degraded, fids)
	}
	return r, nil
}

// halves are the images with even and with odd places in a class.
func halves(data images) (first, second []int) {
	seen := make([]int, len(data.Classes))
	for i, label := range data.Labels {
		if seen[label]%2 == 0 {
			first = append(first, i)
		} else {
			second = append(second, i)
		}
		seen[label]++
	}
	return first, second
}

// shuffled halves each class at random.
func shuffled(data images, seed uint64) (first, second []int) {
	order := rand.New(rand.NewPCG(seed, 1)).Perm(data.Len())
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(data.Labels[i], data.Labels[j]) })
	seen := make([]int, len(data.Classes))
	for _, i := range order {
		if label := data.Labels[i]; seen[label]%2 == 0 {
			first = append(first, i)
		} else {
			second = append(second, i)
		}
		seen[data.Labels[i]]++
	}
	return first, second
}

// subset is the images of a set at these places.
func subset(data images, indices []int) images {
	set := *data.Set
	s := images{Set: &set}
	s.Labels, s.Counts = nil, make([]int, len(data.Counts))
	for _, i := range indices {
		s.pixels, s.Labels = append(s.pixels, data.image(i)...), append(s.Labels, data.Labels[i])
		s.Counts[data.Labels[i]]++
	}
	s.Images = dataset.InMemory(s.pixels, s.Size*s.Size*s.Channels)
	return s
}

// chosen is the features of some images.
func chosen(z []float32, dims int, data images, indices []int) sample {
	rows, labels := make([]float32, 0, len(indices)*dims), make([]int, len(indices))
	for k, i := range indices {
		rows, labels[k] = append(rows, z[i*dims:(i+1)*dims]...), data.Labels[i]
	}
	return sample{distance.NewSet(rows, dims, labels), len(indices), dims}
}

// neighbours is the accuracy, mean over classes, of the majority of the 5 nearest images of
// known (Euclidean, a tie goes to the nearest) for the images asked.
func neighbours(z []float32, dims int, data images, known, asked []int) float64 {
	const k = 5
	right, all := make([]float64, len(data.Classes)), make([]float64, len(data.Classes))
	type near struct {
		label int
		d     float64
	}
	for _, q := range asked {
		list := make([]near, len(known))
		for j, i := range known {
			var sum float64
			for c := range dims {
				d := float64(z[q*dims+c] - z[i*dims+c])
				sum += d * d
			}
			list[j] = near{data.Labels[i], sum}
		}
		slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(a.d, b.d) })
		votes, best := map[int]int{}, list[0].label
		for _, x := range list[:min(k, len(list))] {
			votes[x.label]++
		}
		for _, x := range list[:min(k, len(list))] {
			if votes[x.label] > votes[best] {
				best = x.label
			}
		}
		all[data.Labels[q]]++
		if best == data.Labels[q] {
			right[data.Labels[q]]++
		}
	}
	var sum float64
	for class := range all {
		sum += right[class] / all[class]
	}
	return sum / float64(len(all))
}

func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values)-1)
	}
	return mean, math.Sqrt(deviation)
}

// timing is how long one network takes for 1,000 images, in seconds.
type timing struct {
	network, backend string
	wall, processor  float64
}

// times measures the networks on each backend that is here.
func times(ctx context.Context, data images) ([]timing, error) {
	const count = 2 * batch
	pixels := data.pixels[:count*data.Size*data.Size*data.Channels]
	var found []timing
	for _, name := range []string{backend.Go, backend.XLACPU} {
		if _, ok := backend.Installed(backend.CPU); name != backend.Go && !ok {
			continue
		}
		b, err := backend.Open(name)
		if err != nil {
			return nil, err
		}
		small, err := features.Fit(ctx, b, data.Set, 1, 1, batch)
		if err != nil {
			return nil, err
		}
		of := features.Images{Size: data.Size, Channels: channels}
		networks, err := published(ctx, b, of)
		if err != nil {
			return nil, err
		}
		networks = append([]*network{extracted("classifier", small, of)}, networks...)
		for _, n := range networks {
			if _, err := n.extract(ctx, pixels); err != nil { // compiles
				return nil, err
			}
			started, before := time.Now(), measure.ProcessorSeconds()
			if _, err := n.extract(ctx, pixels); err != nil {
				return nil, err
			}
			const each = 1000. / count
			found = append(found, timing{n.name, name, time.Since(started).Seconds() * each, (measure.ProcessorSeconds() - before) * each})
			n.close()
		}
		b.Close()
	}
	return found, nil
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
