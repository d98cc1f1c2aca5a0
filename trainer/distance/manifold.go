package distance

import (
	"fmt"
	"math"
	"slices"
)

// Manifold measures how far two sets cover each other.
type Manifold struct {
	Precision float64 // share of Y within r_k(x) of some x
	Recall    float64 // share of X within r_k(y) of some y
	Density   float64 // mean over Y of the number of x that it is within r_k(x) of, over k
	Coverage  float64 // share of X with some y within r_k(x)
}

// Manifolds compares Y with X by nearest neighbours: precision and recall with
// kPR (arXiv 1904.06991), density and coverage with kDC (arXiv 2002.09797). A
// distance equal to the radius is outside, as in the released code of the latter.
// Each set needs more than kPR and kDC vectors.
func Manifolds(x, y []float32, d, kPR, kDC int) (Manifold, error) {
	a, b := of(x, d), of(y, d)
	if k := max(kPR, kDC); a.n <= k || b.n <= k || min(kPR, kDC) < 1 {
		return Manifold{}, fmt.Errorf("manifolds: %d and %d vectors for neighbours %d and %d", a.n, b.n, kPR, kDC)
	}
	radii := neighbours(a, kPR, kDC)
	realPR, realDC := radii[0], radii[1]
	generated := neighbours(b, kPR)[0]

	// Rows are Y, columns X. Each worker keeps its own results for columns.
	type found struct {
		recalled, covered []bool
		dense             int
		near              []int
	}
	widest := make([]float64, a.n)
	for i := range widest {
		widest[i] = max(realPR[i], realDC[i])
	}
	byWorker := make([]found, workers())
	for w := range byWorker {
		byWorker[w] = found{recalled: make([]bool, a.n), covered: make([]bool, a.n)}
	}
	precise := make([]bool, b.n)
	distances(b, a, func(worker, i, j int, squared []float64) {
		f := &byWorker[worker]
		f.near = below(f.near[:0], squared, generated[i], widest[j:])
		for _, c := range f.near {
			v := squared[c]
			if v < generated[i] {
				f.recalled[j+c] = true
			}
			if v < realPR[j+c] {
				precise[i] = true
			}
			if v < realDC[j+c] {
				f.dense++
				f.covered[j+c] = true
			}
		}
	})
	var m Manifold
	recalled, covered, dense := 0, 0, 0
	for i := range a.n {
		r, c := false, false
		for _, f := range byWorker {
			r, c = r || f.recalled[i], c || f.covered[i]
		}
		recalled, covered = recalled+count(r), covered+count(c)
	}
	for _, f := range byWorker {
		dense += f.dense
	}
	right := 0
	for _, p := range precise {
		right += count(p)
	}
	m.Precision, m.Recall = float64(right)/float64(b.n), float64(recalled)/float64(a.n)
	m.Density, m.Coverage = float64(dense)/float64(kDC)/float64(b.n), float64(covered)/float64(a.n)
	return m, nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// neighbours are the squared distances of each row to its k-th nearest other row,
// for each k.
func neighbours(x rows[float32], ks ...int) [][]float64 {
	nearest := newNearest(x.n, slices.Max(ks))
	distances(x, x, func(worker, i, j int, squared []float64) { nearest.see(worker, i, squared, i-j) })
	out := make([][]float64, len(ks))
	for n, k := range ks {
		out[n] = make([]float64, x.n)
		for i := range out[n] {
			out[n][i] = nearest.of(i)[k-1]
		}
	}
	return out
}

// errorBlocks is the number of blocks that ManifoldErrors deletes in turn.
const errorBlocks = 20

// ManifoldErrors returns the standard errors of Manifolds for other vectors in equal
// numbers: the jackknife that leaves out every 20th row of both sets, or one row of each
// where they have fewer (Shao and Tu 1995, 2.3). Both sets have equally many rows.
func ManifoldErrors(x, y []float32, d, kPR, kDC int) (Manifold, error) {
	n := of(x, d).n
	blocks := min(errorBlocks, n)
	without := func(features []float32, block int) []float32 {
		kept := make([]float32, 0, len(features))
		for i := range n {
			if i%blocks != block {
				kept = append(kept, features[i*d:(i+1)*d]...)
			}
		}
		return kept
	}
	values := make([][]float64, 4)
	for block := range blocks {
		m, err := Manifolds(without(x, block), without(y, block), d, kPR, kDC)
		if err != nil {
			return Manifold{}, err
		}
		for i, v := range m.values() {
			values[i] = append(values[i], *v)
		}
	}
	var out Manifold
	for i, to := range out.values() {
		var mean, squares float64
		for _, v := range values[i] {
			mean += v / float64(blocks)
		}
		for _, v := range values[i] {
			squares += (v - mean) * (v - mean)
		}
		*to = math.Sqrt(squares * float64(blocks-1) / float64(blocks))
	}
	return out, nil
}

// values are the four numbers of m.
func (m *Manifold) values() []*float64 {
	return []*float64{&m.Precision, &m.Recall, &m.Density, &m.Coverage}
}
