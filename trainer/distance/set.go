package distance

import (
	"cmp"
	"math"
	"slices"
)

// Set is N vectors of C classes. It stands for the mixture in which each class has the
// weight 1/C and the vectors of a class have equal weights, 1/(C n_c).
type Set struct {
	rows   rows[float32]
	counts []int // n_c, in the order of the rows
}

// NewSet returns the features `[N, D]`, of which row i is of class labels[i]. Without
// labels all rows are of one class.
func NewSet(features []float32, d int, labels []int) Set {
	x := of(features, d)
	if len(labels) == 0 {
		return Set{rows: x, counts: []int{x.n}}
	}
	order := make([]int, x.n)
	for i := range order {
		order[i] = i
	}
	byLabel := func(i, j int) int { return cmp.Compare(labels[i], labels[j]) }
	if !slices.IsSortedFunc(order, byLabel) {
		slices.SortStableFunc(order, byLabel)
		x = gather(features, d, order)
	}
	s := Set{rows: x}
	for i, row := range order {
		if i == 0 || labels[row] != labels[order[i-1]] {
			s.counts = append(s.counts, 0)
		}
		s.counts[len(s.counts)-1]++
	}
	return s
}

// gather copies rows.
func gather(features []float32, d int, indices []int) rows[float32] {
	out := rows[float32]{n: len(indices), d: d, data: make([]float32, 0, len(indices)*d)}
	for _, i := range indices {
		out.data = append(out.data, features[i*d:(i+1)*d]...)
	}
	return out
}

// least is the number of rows of the rarest class, 0 of an empty set.
func (s Set) least() int {
	if s.rows.n == 0 {
		return 0
	}
	return slices.Min(s.counts)
}

// even reports whether all classes have equally many rows.
func (s Set) even() bool { return s.rows.n == s.least()*len(s.counts) }

// squaredWeights is sum_i w_i^2. Its inverse is the effective number of rows, N where the
// classes have equally many.
func (s Set) squaredWeights() float64 {
	var sum float64
	for _, n := range s.counts {
		sum += 1 / float64(n)
	}
	return sum / float64(len(s.counts)*len(s.counts))
}

// classes calls visit for the rows from..to of each class.
func (s Set) classes(visit func(class, from, to int)) {
	from := 0
	for class, n := range s.counts {
		visit(class, from, from+n)
		from += n
	}
}

// mean is the mean of values, one a row, over the mixture.
func (s Set) mean(values []float64) float64 {
	var sum float64
	s.classes(func(_, from, to int) {
		var own float64
		for _, v := range values[from:to] {
			own += v
		}
		sum += own / float64(to-from)
	})
	return sum / float64(len(s.counts))
}

// variance is the squared standard error of mean: rows of a class are independent, and the
// number of rows of each class is given,
//
//	sum_c s_c^2/n_c / C^2
//
// NaN where a class has one row.
func (s Set) variance(values []float64) float64 {
	var sum float64
	s.classes(func(_, from, to int) {
		n := float64(to - from)
		var mean, squares float64
		for _, v := range values[from:to] {
			mean += v / n
		}
		for _, v := range values[from:to] {
			squares += (v - mean) * (v - mean)
		}
		sum += squares / (n - 1) / n // NaN for n = 1
	})
	return sum / float64(len(s.counts)*len(s.counts))
}

// Mean returns the mean over classes of the mean of values, one a row with a label, and its
// standard error, NaN where a class has one row.
func Mean(values []float64, labels []int) (mean, standardError float64) {
	rows := make([]float32, len(values))
	index := make([]int, len(values))
	for i := range rows {
		index[i] = i
	}
	slices.SortStableFunc(index, func(i, j int) int { return cmp.Compare(labels[i], labels[j]) })
	sorted := make([]float64, len(values))
	for i, row := range index {
		sorted[i] = values[row]
	}
	s := NewSet(rows, 1, labels)
	return s.mean(sorted), math.Sqrt(s.variance(sorted))
}
