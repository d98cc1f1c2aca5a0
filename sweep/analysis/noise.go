package analysis

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/tailsweep/tailsweep/sweep"
)

// Noise is the additive model of one metric over trials with several train seeds,
//
//	result of point p with seed s = mean_p + effect_s + noise,
//
// with effects ~ N(0, SeedStdDev^2) that all points share and noise ~ N(0,
// StdDev^2) of each trial. Trials are paired when the same seeds were used: their
// effects then cancel in a difference, and only the noise is left. Points are
// named by Params.Key. A Noise is not changed after PairedNoise made it.
type Noise struct {
	StdDev     float64 // of one result, once the seeds' effects are taken out; in the metric's unit
	SeedStdDev float64 // of the seeds' effects; 0 where they cannot be told from noise
	DF         int     // degrees of freedom of StdDev

	rows     map[string]*row
	seeds    map[int64]int // to a coordinate of the vectors below
	effects  []float64
	values   []float64  // eigenvalues of the seeds' reduced normal matrix M
	vectors  *mat.Dense // its eigenvectors, one a column
	constant float64    // StdDev^2/SeedStdDev^2, what is added to values
}

// row is one point: its results and the coordinates of their seeds.
type row struct {
	results []float64
	seeds   []int
	mean    float64
}

// PairedNoise fits Noise to the trials that have the metric, baseline trials among
// them; a second trial of a point with a seed that it had adds nothing. The order
// of trials does not matter. ok is false while no point has two seeds: n knows the
// points' means then, and no noise (DF and all standard errors are 0).
//
// With r the results less their point's mean, n_p the results of point p, z_p the
// 0/1 vector of its seeds and M = sum_p (diag z_p - z_p z_p'/n_p), the variances
// are Henderson's method III (Searle, Casella & McCulloch, Variance Components,
// 1992, section 5.5):
//
//	SS_seed = (Z'r)' M^+ (Z'r),  df = N - P - rank M
//	StdDev^2 = (r'r - SS_seed) / df
//	SeedStdDev^2 = (SS_seed - rank M * StdDev^2) / tr M
//
// A negative SeedStdDev^2 is 0, and all of r'r/(N-P) is noise then. So it is where
// df is 0 (one point alone has several seeds): an upper bound.
func PairedNoise(trials []sweep.Trial, metric string) (n *Noise, ok bool) {
	n = &Noise{rows: make(map[string]*row), seeds: make(map[int64]int)}
	results := 0
	byNumber := func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) }
	for _, t := range slices.SortedStableFunc(slices.Values(trials), byNumber) {
		value, has := t.Metric(metric)
		if !has {
			continue
		}
		s, known := n.seeds[t.Seed]
		if !known {
			s = len(n.seeds)
			n.seeds[t.Seed] = s
		}
		key := t.Params.Key()
		if n.rows[key] == nil {
			n.rows[key] = &row{}
		}
		if p := n.rows[key]; !slices.Contains(p.seeds, s) {
			p.results, p.seeds = append(p.results, value), append(p.seeds, s)
			results++
		}
	}
	if results == 0 {
		return n, false
	}
	within, right := n.reduce()
	if results > len(n.rows) {
		n.variances(within, results-len(n.rows), right)
		n.estimate(right)
	}
	return n, n.DF > 0
}

// reduce takes the points' means out: it returns r'r and V'Z'r, and leaves M's
// eigenvalues and eigenvectors V in n.
func (n *Noise) reduce() (within float64, right []float64) {
	size := len(n.seeds)
	m, zr := mat.NewSymDense(size, nil), mat.NewVecDense(size, nil)
	for _, key := range slices.Sorted(maps.Keys(n.rows)) {
		p := n.rows[key]
		for i, f := range p.results {
			p.mean += (f - p.mean) / float64(i+1)
		}
		share := 1 / float64(len(p.results))
		for i, a := range p.seeds {
			d := p.results[i] - p.mean
			within += d * d
			zr.SetVec(a, zr.AtVec(a)+d)
			m.SetSym(a, a, m.At(a, a)+1-share)
			for _, b := range p.seeds[:i] {
				m.SetSym(a, b, m.At(a, b)-share)
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(m, true) {
		panic("sweep: the eigenvalues of a finite symmetric matrix were not found")
	}
	n.values = eigen.Values(nil)
	n.vectors = new(mat.Dense)
	eigen.VectorsTo(n.vectors)
	return within, n.rotate(zr)
}

// rotate returns V'x.
func (n *Noise) rotate(x *mat.VecDense) []float64 {
	var v mat.VecDense
	v.MulVec(n.vectors.T(), x)
	return v.RawVector().Data
}

// empty says that eigenvalue d of M is 0 but for rounding: M's are sums of numbers
// of at most 1, one a result.
func empty(d float64) bool { return d < 1e-9 }

// variances sets StdDev, SeedStdDev and DF.
func (n *Noise) variances(within float64, df int, right []float64) {
	var seed, trace float64
	rank := 0
	for i, d := range n.values {
		if !empty(d) {
			rank++
			trace += d
			seed += right[i] * right[i] / d
		}
	}
	n.DF, n.StdDev = df, math.Sqrt(within/float64(df))
	if df <= rank {
		return
	}
	left := within - seed
	if left < 1e-12*within { // rounding
		left = 0
	}
	noise := left / float64(df-rank)
	if between := (seed - float64(rank)*noise) / trace; between > 0 {
		n.DF, n.StdDev, n.SeedStdDev = df-rank, math.Sqrt(noise), math.Sqrt(between)
		n.constant = noise / between
	}
}

// estimate sets the effects, the best linear unbiased predictions (M + constant)^-1
// Z'r, and takes them out of the points' means.
func (n *Noise) estimate(right []float64) {
	n.effects = make([]float64, len(n.values))
	if n.SeedStdDev == 0 {
		return
	}
	for i, d := range n.values {
		if d += n.constant; !empty(d) {
			for s := range n.effects {
				n.effects[s] += n.vectors.At(s, i) * right[i] / d
			}
		}
	}
	for _, p := range n.rows {
		for _, s := range p.seeds {
			p.mean -= n.effects[s] / float64(len(p.seeds))
		}
	}
}

// Point estimates the mean of a point over all seeds there could be. ok is false
// when it has no result.
func (n *Noise) Point(key string) (mean sweep.Estimate, ok bool) {
	p := n.rows[key]
	if p == nil {
		return sweep.Estimate{}, false
	}
	return sweep.Estimate{Mean: p.mean, StdDev: n.spread(p, nil)}, true
}

// Difference estimates the mean of point a less that of b, with the exact standard
// error of the additive model: sqrt(2) StdDev for two points of one seed, the same
// for both. ok is false when one of them has no result.
func (n *Noise) Difference(a, b string) (difference sweep.Estimate, ok bool) {
	p, q := n.rows[a], n.rows[b]
	if p == nil || q == nil {
		return sweep.Estimate{}, false
	}
	return sweep.Estimate{Mean: p.mean - q.mean, StdDev: n.spread(p, q)}, true
}

// spread is the standard error of p's mean less q's, or of p's for a nil q:
// StdDev sqrt(1/n_p + 1/n_q + v'(M + constant)^-1 v), v = z_p/n_p - z_q/n_q
// (Henderson's mixed model equations).
func (n *Noise) spread(p, q *row) float64 {
	v := mat.NewVecDense(len(n.seeds), nil)
	sum := 0.0
	for i, r := range []*row{p, q} {
		if r == nil {
			continue
		}
		share := 1 / float64(len(r.seeds))
		sum += share
		for _, s := range r.seeds {
			v.SetVec(s, v.AtVec(s)+share*float64(1-2*i))
		}
	}
	if n.SeedStdDev > 0 {
		for i, x := range n.rotate(v) {
			if d := n.values[i] + n.constant; !empty(d) {
				sum += x * x / d
			}
		}
	}
	return n.StdDev * math.Sqrt(sum)
}
