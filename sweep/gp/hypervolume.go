package gp

import (
	"cmp"
	"math"
	"slices"
)

// box is a cell of objective space, `[m]` each; Low may be -Inf.
type box struct{ Low, High []float64 }

// undominated cuts the part of objective space that is below reference, `[m]`, and that no
// point of front dominates, into disjoint boxes: slabs of the last objective, in each
// of which the others are cut the same way (Lacour et al. 2017, section 2, the
// simplest such cut). With m = 2 there is one box more than relevant points of front;
// with more objectives the number grows as their (m-1)th power.
func undominated(front [][]float64, reference []float64) []box {
	m := len(reference)
	if m == 1 {
		high := reference[0]
		for _, f := range front {
			high = math.Min(high, f[0])
		}
		return []box{{Low: []float64{math.Inf(-1)}, High: []float64{high}}}
	}
	last := m - 1
	var inside [][]float64
	for _, f := range front {
		if f[last] < reference[last] {
			inside = append(inside, f)
		}
	}
	slices.SortStableFunc(inside, func(a, b []float64) int { return cmp.Compare(a[last], b[last]) })
	var boxes []box
	low := math.Inf(-1)
	slab := undominated(nil, reference[:last]) // of the objectives before last, for the points so far
	for i := 0; i <= len(inside); i++ {
		high := reference[last]
		if i < len(inside) {
			high = inside[i][last]
		}
		changed := i < len(inside) && improves(inside[i], slab)
		if high > low && (changed || i == len(inside)) {
			for _, b := range slab {
				boxes = append(boxes, box{Low: append(slices.Clone(b.Low), low), High: append(slices.Clone(b.High), high)})
			}
			low = high
		}
		if changed {
			slab = undominated(inside[:i+1], reference[:last])
		}
	}
	return boxes
}

// improves reports whether a point dominates a part of the boxes, in their objectives.
func improves(f []float64, boxes []box) bool {
	return slices.ContainsFunc(boxes, func(b box) bool {
		for k, high := range b.High {
			if f[k] >= high {
				return false
			}
		}
		return true
	})
}

// Region is the result of undominated, with the coordinates of the boxes' sides once each:
// there are few, and most time of EHVI is spent on each of them.
type Region struct {
	at    [][]float64 // `[m]` ascending
	sides []int32     // `[boxes][m][2]` low and high, indices into at
}

// NewRegion is the region below reference, `[m]`, that no point of front dominates.
func NewRegion(front [][]float64, reference []float64) *Region {
	boxes := undominated(front, reference)
	r := &Region{at: make([][]float64, len(reference))}
	for k := range r.at {
		var all []float64
		for _, b := range boxes {
			all = append(all, b.Low[k], b.High[k])
		}
		slices.Sort(all)
		r.at[k] = slices.Compact(all)
	}
	for _, b := range boxes {
		for k, at := range r.at {
			low, _ := slices.BinarySearch(at, b.Low[k])
			high, _ := slices.BinarySearch(at, b.High[k])
			r.sides = append(r.sides, int32(low), int32(high))
		}
	}
	return r
}

// maxObjectives is the largest number of objectives of EHVI.
const maxObjectives = 8

// side is G at a coordinate, and its derivatives.
type side struct{ value, dMean, dSD float64 }

// EHVIWorkspace is ready to use as its zero value; one may be reused by one goroutine.
type EHVIWorkspace struct{ sides [maxObjectives][]side }

// EHVI returns the expected volume of the region's part that an objective vector of
// independent normal values dominates, the expected hypervolume improvement, exact
// (Yang et al. 2019, eq. 11),
//
//	sum over boxes prod_k (G_k(high_k) - G_k(low_k)),  G(a) = E[max(a - Y, 0)]
//
// and adds its derivatives by mean and sd, `[m]` each, to dMean and dSD, unless
// these are nil.
func (r *Region) EHVI(mean, sd, dMean, dSD []float64, w *EHVIWorkspace) float64 {
	m := len(mean)
	for k, at := range r.at {
		w.sides[k] = w.sides[k][:0]
		for _, a := range at {
			var s side
			s.value, s.dMean, s.dSD = below(a, mean[k], sd[k])
			w.sides[k] = append(w.sides[k], s)
		}
	}
	var length, lengthMean, lengthSD [maxObjectives]float64
	var total float64
	for sides := r.sides; len(sides) > 0; sides = sides[2*m:] {
		product := 1.0
		for k := range m {
			low, high := &w.sides[k][sides[2*k]], &w.sides[k][sides[2*k+1]]
			length[k] = math.Max(high.value-low.value, 0)
			lengthMean[k], lengthSD[k] = high.dMean-low.dMean, high.dSD-low.dSD
			product *= length[k]
		}
		total += product
		if dMean == nil {
			continue
		}
		for k := range m {
			others := 1.0
			for j := range m {
				if j != k {
					others *= length[j]
				}
			}
			dMean[k] += others * lengthMean[k]
			dSD[k] += others * lengthSD[k]
		}
	}
	return total
}
