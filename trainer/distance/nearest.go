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

// Nearest returns, for each vector of y `[M, D]`, the Euclidean distances to the nearest
// and the second nearest vector of x `[N, D]`, +Inf where there is none.
func Nearest(y, x []float32, d int) (first, second []float64) {
	a, b := of(y, d), of(x, d)
	v := newNearest(a.n, 2)
	distances(a, b, func(worker, i, _ int, squared []float64) { v.see(worker, i, squared, -1) })
	first, second = make([]float64, a.n), make([]float64, a.n)
	for i := range first {
		two := v.of(i)
		first[i], second[i] = math.Sqrt(two[0]), math.Sqrt(two[1])
	}
	return first, second
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
