package analysis

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/tailsweep/tailsweep/sweep"
)

// Noise is the one model of how a metric differs between train seeds. The search
// (repeats, limits of constraints), `best` (Contest) and feasibility (Limits) all
// take their means and standard errors from it:
//
//	result of configuration p with seed s = mean_p + effect_s + noise
//
// with effects ~ N(0, SeedStdDev^2) that all configurations share and noise ~ N(0,
// StdDev^2) of each trial. Two configurations trained with the same seeds are
// paired: the effects cancel in their difference, and only the noise is left.
// Configurations are named by Params.Key. A Noise does not change.
type Noise struct {
	StdDev     float64 // of one result, without the seeds' effects; in the metric's unit
	SeedStdDev float64 // of the seeds' effects; 0 where they are not distinguishable from noise
	DF         int     // degrees of freedom of StdDev

	rows     map[string]*row
	seeds    map[int64]int // to a coordinate of the vectors below
	effects  []float64
	values   []float64  // eigenvalues of the seeds' reduced normal matrix M
	vectors  *mat.Dense // its eigenvectors, one a column
	constant float64    // StdDev^2/SeedStdDev^2, added to values
}

// row is one configuration: its results and the coordinates of their seeds.
type row struct {
	results []float64
	seeds   []int
	mean    float64 // of the results, less effect
	effect  float64 // mean effect of the seeds
}

// NewNoise fits the model to the trials that have the metric, baseline trials
// included; a second trial of a configuration with the same seed adds nothing. The
// order of trials does not matter. While no configuration has two seeds, DF and all
// standard errors are 0.
//
// With r the results less their configuration's mean, n_p the results of configuration
// p, z_p the 0/1 vector of its seeds and M = sum_p (diag z_p - z_p z_p'/n_p), the
// variances are Henderson's method III (Searle, Casella & McCulloch, Variance
// Components, 1992, section 5.5):
//
//	SS_seed = (Z'r)' M^+ (Z'r),  df = N - P - rank M
//	StdDev^2 = (r'r - SS_seed) / df
//	SeedStdDev^2 = (SS_seed - rank M * StdDev^2) / tr M
//
// A negative SeedStdDev^2 counts as 0; then all of r'r/(N-P) is noise. So it is where df
// is 0 (only one configuration has several seeds), and StdDev is an upper bound.
func NewNoise(trials []sweep.Trial, metric string) *Noise {
	n := &Noise{rows: make(map[string]*row), seeds: make(map[int64]int)}
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
		return n
	}
	within, right := n.reduce()
	if results > len(n.rows) {
		n.variances(within, results-len(n.rows), right)
		n.estimate(right)
	}
	return n
}

// reduce subtracts the configurations' means. It returns r'r and V'Z'r, and leaves M's
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
		panic("analysis: the eigenvalues of a finite symmetric matrix were not found")
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

// empty reports whether an eigenvalue d of M is 0 apart from rounding: M is a sum of
// numbers of at most 1, one for each result.
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
// Z'r, and subtracts them from the configurations' means.
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
			p.effect += n.effects[s] / float64(len(p.seeds))
		}
		p.mean -= p.effect
	}
}

// Mean estimates the mean of a configuration over all possible seeds. ok is false when
// it has no result.
func (n *Noise) Mean(key string) (mean sweep.Estimate, ok bool) {
	p := n.rows[key]
	if p == nil {
		return sweep.Estimate{}, false
	}
	return sweep.Estimate{Mean: p.mean, StdDev: n.spread(term{p, 1})}, true
}

// Effect is the mean effect of the seeds that a configuration was trained with, to be
// subtracted from the mean of its results. It is 0 where no effect is distinguishable
// from noise.
func (n *Noise) Effect(key string) float64 {
	if p := n.rows[key]; p != nil {
		return p.effect
	}
	return 0
}

// Difference estimates the mean of configuration a less that of b, with the exact
// standard error of the model: sqrt(2) StdDev for two configurations with one and the
// same seed.
// ok is false when one of them has no result.
func (n *Noise) Difference(a, b string) (difference sweep.Estimate, ok bool) {
	return n.weighted(a, b, 1)
}

// weighted is Difference with weight times the mean of b.
func (n *Noise) weighted(a, b string, weight float64) (difference sweep.Estimate, ok bool) {
	p, q := n.rows[a], n.rows[b]
	if p == nil || q == nil {
		return sweep.Estimate{}, false
	}
	difference.Mean = p.mean - weight*q.mean
	if p == q {
		difference.StdDev = n.spread(term{p, 1 - weight})
	} else {
		difference.StdDev = n.spread(term{p, 1}, term{q, -weight})
	}
	return difference, true
}

// term is a configuration in a sum of means.
type term struct {
	*row
	weight float64
}

// spread is the standard error of sum_p w_p mean_p:
// StdDev sqrt(sum_p w_p^2/n_p + v'(M + constant)^-1 v), v = sum_p w_p z_p/n_p
// (Henderson's mixed model equations).
func (n *Noise) spread(terms ...term) float64 {
	v := mat.NewVecDense(len(n.seeds), nil)
	sum := 0.0
	for _, t := range terms {
		share := t.weight / float64(len(t.seeds))
		sum += t.weight * share
		for _, s := range t.seeds {
			v.SetVec(s, v.AtVec(s)+share)
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
