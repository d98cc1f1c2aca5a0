package distance

import "math"

// nearest keeps the k smallest values seen of each of n rows, in order.
type nearest struct {
	k      int
	values []float64 // `[n, k]`
	found  [][]int   // by worker
}

func newNearest(n, k int) nearest {
	v := nearest{k: k, values: make([]float64, n*k), found: make([][]int, workers())}
	for i := range v.values {
		v.values[i] = math.Inf(1)
	}
	return v
}

func (v nearest) of(i int) []float64 { return v.values[i*v.k : (i+1)*v.k] }

// see adds values to row i, except the one at skip.
func (v nearest) see(worker, i int, values []float64, skip int) {
	kept := v.of(i)
	last := kept[len(kept)-1]
	v.found[worker] = below(v.found[worker][:0], values, last, nil)
	for _, c := range v.found[worker] {
		value := values[c]
		if value >= last || c == skip {
			continue
		}
		at := len(kept) - 1
		for ; at > 0 && kept[at-1] > value; at-- {
			kept[at] = kept[at-1]
		}
		kept[at] = value
		last = kept[len(kept)-1]
	}
}

// Vectors are vectors that are read one by one. Their values may be more than fit in memory.
type Vectors interface {
	Len() int
	Read(dst []float32, i int) error
}

// read copies count vectors of length d from i on.
func read(dst []float32, v Vectors, i, count, d int) (rows[float32], error) {
	for k := range count {
		if err := v.Read(dst[k*d:(k+1)*d], i+k); err != nil {
			return rows[float32]{}, err
		}
	}
	return rows[float32]{n: count, d: d, data: dst[:count*d]}, nil
}

// partBytes bounds the vectors of y, and those of x, that Nearest has in memory.
const partBytes = 256 << 20

// Nearest returns, for each vector of y, M of length d, the Euclidean distances to the nearest
// and the second nearest vector of x, +Inf where there is none.
func Nearest(y, x Vectors, d int) (first, second []float64, err error) {
	return nearestInParts(y, x, d, partBytes/4/max(1, d))
}

// nearestInParts is Nearest with about part vectors of each in memory.
func nearestInParts(y, x Vectors, d, part int) (first, second []float64, err error) {
	v := newNearest(y.Len(), 2)
	few, many := min(y.Len(), max(tileRows, part/tileRows*tileRows)), min(x.Len(), max(1, part/block(d))*block(d))
	own, others := make([]float32, few*d), make([]float32, many*d)
	for i := 0; i < y.Len(); i += few {
		a, err := read(own, y, i, min(few, y.Len()-i), d)
		if err != nil {
			return nil, nil, err
		}
		for j := 0; j < x.Len(); j += many {
			b, err := read(others, x, j, min(many, x.Len()-j), d)
			if err != nil {
				return nil, nil, err
			}
			distances(a, b, func(worker, k, _ int, squared []float64) { v.see(worker, i+k, squared, -1) })
		}
	}
	first, second = make([]float64, y.Len()), make([]float64, y.Len())
	for i := range first {
		two := v.of(i)
		first[i], second[i] = math.Sqrt(two[0]), math.Sqrt(two[1])
	}
	return first, second, nil
}

// Spread is the mean Euclidean distance of two different vectors of x `[N, D]`, 0
// of fewer than two, and its standard error, by the means of the rows' distances (Serfling
// 1980, 5.3).
func Spread(x []float32, d int) (mean, standardError float64) {
	a := of(x, d)
	if a.n < 2 {
		return 0, math.NaN()
	}
	sums, means := make([]float64, a.n), make([]float64, a.n)
	distances(a, a, func(_, i, j int, squared []float64) {
		for c, v := range squared {
			if j+c == i {
				continue // not exactly 0
			}
			distance := math.Sqrt(v)
			means[i] += distance / float64(a.n-1)
			if j+c < i {
				sums[i] += distance
			}
		}
	})
	var all float64
	for _, sum := range sums {
		all += sum
	}
	own := Set{rows: a, counts: []int{a.n}}
	return all / (float64(a.n) * float64(a.n-1) / 2), 2 * math.Sqrt(own.variance(means))
}
