package analysis

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// axis is one parameter of Importance: its values in bins, and the kernel that smooths
// them.
type axis struct {
	entries int
	active  int         // configurations that have the parameter
	bin     []int       // by configuration; -1 where the parameter is absent
	ranges  int         // bins [0, ranges) are of numbers, smoothed; those from there on are categories and the exact zero
	kernel  [][]float64 // by bin of numbers: how its mass is spread
	p       []float64   // density of all configurations, smoothed
}

// rangeBins is how many bins the numbers of a parameter have.
const rangeBins = 50

// newAxis bins the values of p. Numbers have rangeBins of equal width between the
// least and the greatest that was tried, in the logarithm for the log distributions;
// an ordinal counts by its place. An exact zero and each category have a separate bin.
// Numbers are smoothed by a normal kernel cut off at the ends, with Scott's bandwidth (1992, "Multivariate Density Estimation", eq. 6.42)
// for the k best, 1.06 min(sd, iqr / 1.34) k^(-1/5), and half a bin at least.
func newAxis(p sweep.Parameter, entries []entry, k int) axis {
	a := axis{entries: len(entries), bin: make([]int, len(entries)), ranges: rangeBins}
	at := make([]float64, len(entries)) // of numbers
	var numbers []float64
	words := map[sweep.Value]int{}
	for i, s := range entries {
		a.bin[i], at[i] = -1, math.NaN()
		v, ok := s.params[p.Name]
		if !ok {
			continue
		}
		a.active++
		if u, isNumber := coordinate(p, v); isNumber {
			at[i] = u
			numbers = append(numbers, u)
			continue
		}
		if _, known := words[v]; !known {
			words[v] = a.ranges + len(words)
		}
		a.bin[i] = words[v]
	}
	if len(numbers) > 0 {
		low, high := slices.Min(numbers), slices.Max(numbers)
		var best []float64 // bins of the best
		for i, u := range at {
			if math.IsNaN(u) {
				continue
			}
			a.bin[i] = 0
			if high > low {
				a.bin[i] = min(rangeBins-1, int(rangeBins*(u-low)/(high-low)))
			}
			if i < k {
				best = append(best, float64(a.bin[i]))
			}
		}
		a.kernel = normalKernel(scott(best))
	}
	a.p = a.density(indices(len(entries)), a.ranges+len(words))
	return a
}

// coordinate is the position of a value among numbers; ok is false for a value with a
// separate bin.
func coordinate(p sweep.Parameter, v sweep.Value) (u float64, ok bool) {
	d := space.Of(p)
	switch f := v.Float(); {
	case d.List != nil && d.Order:
		i := slices.Index(d.List(p), v)
		return float64(i), i >= 0
	case d.List != nil, v.IsWord(), f == 0 && p.Zero > 0:
		return 0, false
	case d.Log:
		return math.Log(f), f > 0
	default:
		return f, true
	}
}

// explained is the v of Importance for a choice of the best.
func (a axis) explained(best []int) float64 {
	n, k := float64(a.active), 0.0
	for _, i := range best {
		if a.bin[i] >= 0 {
			k++
		}
	}
	if k == 0 {
		return 0
	}
	divergence := 0.0
	for b, q := range a.density(best, len(a.p)) {
		if p := a.p[b]; p > 1e-9 {
			divergence += p * (q/p - 1) * (q/p - 1)
		}
	}
	return n / float64(a.entries) * (k / n) * (k / n) * divergence
}

// density is the share of the chosen configurations in each of n bins, smoothed.
func (a axis) density(chosen []int, n int) []float64 {
	count, active := make([]float64, n), 0.0
	for _, i := range chosen {
		if b := a.bin[i]; b >= 0 {
			count[b]++
			active++
		}
	}
	d := make([]float64, n)
	for b, c := range count {
		switch {
		case c == 0:
		case b >= a.ranges:
			d[b] += c / active
		default:
			for to, mass := range a.kernel[b] {
				d[to] += mass * c / active
			}
		}
	}
	return d
}

// scott is the bandwidth for values, in their unit, and at least 1/2.
func scott(values []float64) float64 {
	const least = 0.5
	if len(values) < 2 {
		return rangeBins // too few to estimate it: nearly flat
	}
	n := float64(len(values))
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	spread := math.Sqrt(squares / (n - 1))
	sorted := slices.Sorted(slices.Values(values))
	if iqr := sorted[len(sorted)*3/4] - sorted[len(sorted)/4]; iqr > 0 {
		spread = min(spread, iqr/1.34)
	}
	return max(least, 1.06*spread*math.Pow(n, -0.2))
}

// normalKernel returns a matrix whose row b is the mass that a value in bin b gives to
// each bin.
func normalKernel(bandwidth float64) [][]float64 {
	kernel := make([][]float64, rangeBins)
	for b := range kernel {
		kernel[b] = make([]float64, rangeBins)
		sum := 0.0
		for to := range kernel[b] {
			z := float64(to-b) / bandwidth
			kernel[b][to] = math.Exp(-z * z / 2)
			sum += kernel[b][to]
		}
		for to := range kernel[b] {
			kernel[b][to] /= sum
		}
	}
	return kernel
}
