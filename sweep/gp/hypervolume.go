package gp

import (
	"math"
	"slices"
)

// Box is a cell of objective space, `[m]` each; Low may be -Inf.
type Box struct{ Low, High []float64 }

// Free cuts the part of objective space that is below reference, `[m]`, and that
// no point of front dominates, into disjoint boxes: slabs of the last objective,
// in each of which the others are cut the same way (Lacour et al. 2017, section
// 2, the plainest of such cuts). With m = 2 there is one box more than front has
// points that count; with more objectives the number grows as their (m-1)th power.
func Free(front [][]float64, reference []float64) []Box {
	m := len(reference)
	if m == 1 {
		high := reference[0]
		for _, f := range front {
			high = math.Min(high, f[0])
		}
		return []Box{{Low: []float64{math.Inf(-1)}, High: []float64{high}}}
	}
	last := m - 1
	var inside [][]float64
	for _, f := range front {
		if f[last] < reference[last] {
			inside = append(inside, f)
		}
	}
	slices.SortStableFunc(inside, func(a, b []float64) int {
		switch {
		case a[last] < b[last]:
			return -1
		case a[last] > b[last]:
			return 1
		}
		return 0
	})
	var boxes []Box
	low := math.Inf(-1)
	var slab []Box // of the objectives before last, for the points so far
	slab = Free(nil, reference[:last])
	for i := 0; i <= len(inside); i++ {
		high := reference[last]
		if i < len(inside) {
			high = inside[i][last]
		}
		changed := i < len(inside) && improves(inside[i], slab)
		if high > low && (changed || i == len(inside)) {
			for _, b := range slab {
				boxes = append(boxes, Box{Low: append(slices.Clone(b.Low), low), High: append(slices.Clone(b.High), high)})
			}
			low = high
		}
		if changed {
			slab = Free(inside[:i+1], reference[:last])
		}
	}
	return boxes
}

// improves reports whether a point takes something of the boxes, in their objectives.
func improves(f []float64, boxes []Box) bool {
	return slices.ContainsFunc(boxes, func(b Box) bool {
		for k, high := range b.High {
			if f[k] >= high {
				return false
			}
		}
		return true
	})
}

// EHVI returns the expected volume of the boxes that an objective vector of
// independent normal values dominates: with Free's boxes the expected hypervolume
// improvement, exact (Yang et al. 2019, eq. 11),
//
//	sum over boxes prod_k (G_k(high_k) - G_k(low_k)),  G(a) = E[max(a - Y, 0)]
//
// and adds its derivatives by mean and sd, `[m]` each, to dMean and dSD.
func EHVI(boxes []Box, mean, sd []float64, dMean, dSD []float64) float64 {
	m := len(mean)
	var side, sideMean, sideSD [8]float64
	var last [8]struct{ at, value, dMean, dSD float64 } // slabs touch: one's low is often the last one's high
	var total float64
	for i, b := range boxes {
		product := 1.0
		for k := range m {
			var low, lowMean, lowSD float64
			if l := &last[k]; i > 0 && l.at == b.Low[k] {
				low, lowMean, lowSD = l.value, l.dMean, l.dSD
			} else {
				low, lowMean, lowSD = below(b.Low[k], mean[k], sd[k])
			}
			high, highMean, highSD := last[k].value, last[k].dMean, last[k].dSD
			if i == 0 || last[k].at != b.High[k] {
				high, highMean, highSD = below(b.High[k], mean[k], sd[k])
			}
			last[k].at, last[k].value, last[k].dMean, last[k].dSD = b.High[k], high, highMean, highSD
			side[k], sideMean[k], sideSD[k] = math.Max(high-low, 0), highMean-lowMean, highSD-lowSD
			product *= side[k]
		}
		total += product
		for k := range m {
			others := 1.0
			for j := range m {
				if j != k {
					others *= side[j]
				}
			}
			dMean[k] += others * sideMean[k]
			dSD[k] += others * sideSD[k]
		}
	}
	return total
}
