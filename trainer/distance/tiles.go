package distance

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// rows are n vectors of length d, row by row.
type rows[T float32 | float64] struct {
	n, d int
	data []T
}

// of returns the rows of features `[N, D]`.
func of(features []float32, d int) rows[float32] {
	return rows[float32]{n: len(features) / d, d: d, data: features}
}

func (r rows[T]) row(i int) []T { return r.data[i*r.d : (i+1)*r.d] }

// squares returns |x|^2 of each row.
func (r rows[T]) squares() []float64 {
	out := make([]float64, r.n)
	for i := range out {
		for _, v := range r.row(i) {
			out[i] += float64(v) * float64(v)
		}
	}
	return out
}

// A tile is tileRows rows of one set against tileColumns of the other.
const (
	tileRows    = 4
	tileColumns = 16
	stripRows   = 64      // rows that a worker takes at a time
	blockBytes  = 1 << 20 // of packed columns that all workers go through together
	blockMost   = 512     // columns of a block at most
)

// block is how many columns of length d go through all workers together.
func block(d int) int {
	return max(tileColumns, min(blockMost, blockBytes/8/max(1, d))/tileColumns*tileColumns)
}

// workers is how many goroutines products uses, numbered from 0.
func workers() int { return runtime.GOMAXPROCS(0) }

// products computes x_i . y_j for all i and j, in blocks of columns. For each row i and
// each block, which starts at column j, it calls visit with the products of the block:
//
//   - upper skips the strips of rows that lie below the diagonal in a block.
//   - Calls for the same row never run at the same time, and have j in ascending order.
//   - worker is the number of the goroutine that calls.
//   - dots is valid until visit returns, which may overwrite it.
func products[T float32 | float64](x, y rows[T], upper bool, visit func(worker, i, j int, dots []float64)) {
	block := block(x.d)
	packed := make([]float64, block*x.d)
	byWorker := make([]*scratch, workers())
	for w := range byWorker {
		byWorker[w] = &scratch{rows: make([]float64, tileRows*x.d), dots: make([]float64, tileRows*block)}
	}
	for start := 0; start < y.n; start += block {
		columns := min(block, y.n-start)
		for p := 0; p < columns; p += tileColumns {
			pack(packed[p*x.d:], y, start+p, tileColumns)
		}
		var next atomic.Int64
		var group sync.WaitGroup
		for w, h := range byWorker {
			group.Go(func() {
				for {
					from := int(next.Add(stripRows)) - stripRows
					if from >= x.n || upper && from >= start+columns {
						return
					}
					for i := from; i < min(from+stripRows, x.n); i += tileRows {
						pack(h.rows, x, i, tileRows)
						for p := 0; p < columns; p += tileColumns {
							tile(h.rows, tileRows, packed[p*x.d:][:tileColumns*x.d], h.dots[p:], block)
						}
						for r := range min(tileRows, x.n-i) {
							visit(w, i+r, start, h.dots[r*block:][:columns])
						}
					}
				}
			})
		}
		group.Wait()
	}
}

// scratch is the scratch memory of one goroutine.
type scratch struct {
	rows []float64 // packed, `[D, tileRows]`
	dots []float64 // `[tileRows, block]`
}

// tile computes the products of tileRows packed rows, in which consecutive numbers of a
// row are step apart, with a panel of packed columns. The results are tileRows rows of
// dots, stride apart.
func tile(rows []float64, step int, panel, dots []float64, stride int) {
	if tileWide(rows, step, panel, dots, stride) {
		return
	}
	var sums [tileRows][tileColumns]float64
	for k := range len(panel) / tileColumns {
		a, b := rows[k*step:][:tileRows], panel[k*tileColumns:][:tileColumns]
		for r, v := range a {
			for c, u := range b {
				sums[r][c] += v * u
			}
		}
	}
	for r := range sums {
		copy(dots[r*stride:], sums[r][:])
	}
}

// pack writes count rows from i on as `[D, count]`, zeros for those beyond the end.
func pack[T float32 | float64](dst []float64, x rows[T], i, count int) {
	for c := range count {
		if i+c >= x.n {
			for k := range x.d {
				dst[k*count+c] = 0
			}
			continue
		}
		for k, v := range x.row(i + c) {
			dst[k*count+c] = float64(v)
		}
	}
}

// distances visits the squared Euclidean distances of all x_i and y_j, as products
// does, from |x|^2 + |y|^2 - 2 x.y and never below 0.
func distances[T float32 | float64](x, y rows[T], visit func(worker, i, j int, squared []float64)) {
	a, b := x.squares(), y.squares()
	products(x, y, false, func(worker, i, j int, dots []float64) {
		squared(dots, b[j:][:len(dots)], a[i])
		visit(worker, i, j, dots)
	})
}

// squared turns products into squared distances. own and others are the squared norms.
func squared(dots, others []float64, own float64) {
	for c := squaredWide(dots, others, own); c < len(dots); c++ {
		dots[c] = max(0, own+others[c]-2*dots[c])
	}
}

// cubes returns the sum of (dot inverse + 1)^3.
func cubes(dots []float64, inverse float64) float64 {
	sum, n := cubesWide(dots, inverse)
	for _, dot := range dots[n:] {
		k := dot*inverse + 1
		sum += k * k * k
	}
	return sum
}

// below adds to found the indices of the values below bound, or below their own bound in
// each where that is not nil.
func below(found []int, values []float64, bound float64, each []float64) []int {
	found, n := belowWide(found, values, bound, each)
	for c, v := range values[n:] {
		if v < bound || each != nil && v < each[n+c] {
			found = append(found, n+c)
		}
	}
	return found
}

// add adds a row to sums.
func add(sums []float64, row []float32) {
	for k := addWide(sums, row); k < len(row); k++ {
		sums[k] += float64(row[k])
	}
}

// subtract writes row minus mean to dst.
func subtract(dst []float64, row []float32, mean []float64) {
	for k := subtractWide(dst, row, mean); k < len(row); k++ {
		dst[k] = float64(row[k]) - mean[k]
	}
}
