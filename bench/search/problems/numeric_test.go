package problems

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/analysis"
)

var numeric = flag.Bool("numeric", false, "search long for the optima of numeric.go, a minute a problem, and print them")

// TestNumeric searches every problem for a better optimum than it claims, without
// knowing its form: short searches must come close to it and must not exceed it.
func TestNumeric(t *testing.T) {
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			evaluations := 40_000
			if *numeric {
				evaluations = 1_000_000
			}
			if p.Objectives == 1 {
				got := lowest(p, evaluations)
				t.Logf("best %.17g, claimed %.17g", got, p.Best)
				require.GreaterOrEqual(t, got, p.Best-1e-9*math.Max(1, math.Abs(p.Best)))
				require.Less(t, got-p.Best, 0.2*p.Scale())
				return
			}
			if p.Objectives > 2 {
				return // dtlz2-3's is an integral
			}
			got := analysis.Hypervolume(front(p, evaluations), p.Reference)
			t.Logf("volume %.10g, claimed %.10g", got, p.Volume)
			require.LessOrEqual(t, got, p.Volume*(1+2e-4))
			require.Greater(t, got, p.Volume*0.9)
		})
	}
}

// mutate moves one coordinate or all by a width between 1e-6 and 1.
func mutate(rng *rand.Rand, u []float64, narrow float64) []float64 {
	next := slices.Clone(u)
	width := math.Pow(10, narrow*rng.Float64())
	only := rng.IntN(2 * len(u))
	for i := range next {
		if only >= len(u) || only == i {
			next[i] = math.Min(math.Max(next[i]+width*rng.NormFloat64(), 0), 1)
		}
	}
	return next
}

// lowest is differential evolution (Storn & Price 1997, best/1/bin among
// rand/1/bin), then steps of shrinking width.
func lowest(p Problem, evaluations int) float64 {
	rng := generator("lowest/" + p.Name)
	value := func(u []float64) float64 {
		values, constraints := p.Eval(p.decode(u))
		if !Feasible(values, constraints) {
			return math.Inf(1)
		}
		return values[0]
	}
	d := len(p.Space)
	const size = 60
	var points [][]float64
	var costs []float64
	for range size {
		u := uniformly(rng, d)
		points, costs = append(points, u), append(costs, value(u))
	}
	for range evaluations / 2 {
		i, a, b, c := rng.IntN(size), rng.IntN(size), rng.IntN(size), rng.IntN(size)
		next := slices.Clone(points[i])
		sure := rng.IntN(d)
		for k := range next {
			if k == sure || rng.Float64() < 0.8 {
				next[k] = points[a][k] + 0.6*(points[b][k]-points[c][k])
				if next[k] < 0 || next[k] > 1 {
					next[k] = rng.Float64()
				}
			}
		}
		if f := value(next); f <= costs[i] {
			points[i], costs[i] = next, f
		}
	}
	best := slices.Index(costs, slices.Min(costs))
	u, cost := points[best], costs[best]
	for range evaluations / 2 {
		next := mutate(rng, u, -10)
		if f := value(next); f < cost {
			u, cost = next, f
		}
	}
	return cost
}

// front is an evolutionary search that keeps every feasible point that no other
// dominates, in order of the first of two objectives.
func front(p Problem, evaluations int) [][]float64 {
	rng := generator("front/" + p.Name)
	type member struct{ u, f []float64 }
	var archive []member
	d := len(p.Space)
	// pick takes a member near a random place along the front, so that crowded
	// stretches get no more attention than others.
	pick := func() []float64 {
		low, high := archive[0].f, archive[len(archive)-1].f
		k, share := rng.IntN(2), rng.Float64()
		want := low[k] + share*(high[k]-low[k])
		at := sort.Search(len(archive), func(i int) bool { return (archive[i].f[k] >= want) == (k == 0) })
		return archive[min(at, len(archive)-1)].u
	}
	for i := range evaluations {
		var u []float64
		switch {
		case len(archive) == 0 || i%20 == 0:
			u = uniformly(rng, d)
		case i%3 == 0: // between two members, and a little beyond
			a, b, s := pick(), pick(), -0.2+1.4*rng.Float64()
			u = make([]float64, d)
			for k := range u {
				u[k] = math.Min(math.Max(a[k]+s*(b[k]-a[k]), 0), 1)
			}
			u = mutate(rng, u, -8)
		default:
			u = mutate(rng, pick(), -6)
		}
		f, constraints := p.Eval(p.decode(u))
		if !Feasible(f, constraints) {
			continue
		}
		at := sort.Search(len(archive), func(i int) bool { return archive[i].f[0] > f[0] })
		if at > 0 && archive[at-1].f[1] <= f[1] {
			continue
		}
		from, to := at, at
		for from > 0 && archive[from-1].f[0] == f[0] {
			from--
		}
		for to < len(archive) && archive[to].f[1] >= f[1] {
			to++
		}
		archive = slices.Replace(archive, from, to, member{u, f})
	}
	points := make([][]float64, len(archive))
	for i, m := range archive {
		points[i] = m.f
	}
	return points
}
