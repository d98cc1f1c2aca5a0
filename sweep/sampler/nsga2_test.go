package sampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

func TestCrossoverEqualsDeb(t *testing.T) {
	require.Equal(t, 0.2, crossed(0.5, 0.2, 0.6), "the middle of the spread is the parent")
	rng := rand.New(rand.NewPCG(1, 1))
	within, mean := 0, 0.0
	const n = 20000
	for range n {
		c := crossed(rng.Float64(), 0.2, 0.6)
		mean += (c + (0.8 - c)) / 2 / n // and its twin
		if c >= 0.2 {
			within++
		}
	}
	require.InDelta(t, 0.4, mean, 1e-9)
	require.InDelta(t, n/2, within, 5*math.Sqrt(n/4), "half of the children are between the parents")
}

func TestMutationStaysInside(t *testing.T) {
	for _, u := range []float64{space.Gap, 0.3, 0.999, 1} {
		require.InDelta(t, space.Gap, mutated(0, u, space.Gap), 1e-12, "as far as it goes")
		require.InDelta(t, 1, mutated(1, u, space.Gap), 1e-12)
		require.InDelta(t, u, mutated(0.5, u, space.Gap), 1e-12)
		require.Less(t, mutated(0.3, u, space.Gap), mutated(0.7, u, space.Gap))
	}
}

func TestPopulationFollowsTheBudget(t *testing.T) {
	for runs, want := range map[int]int{0: 10, 20: 10, 100: 20, 1000: 50} {
		require.Equal(t, want, population(&sweep.Spec{Budget: sweep.Budget{RunCap: runs}}))
	}
}

// hypervolume is the share of the area below (1.1, 6) that two metrics dominate.
func hypervolume(trials []sweep.Trial) float64 {
	const n = 400 // columns
	var area float64
	for i := range n {
		x, top := 1.1*(float64(i)+0.5)/n, 6.0
		for _, t := range trials {
			if t.Metrics["fid.tail"] <= x {
				top = math.Min(top, t.Metrics["fid.head"])
			}
		}
		area += (6 - top) / 6 / n
	}
	return area
}

// ZDT1 (Zitzler, Deb and Thiele 2000) of six parameters; its complete front has 0.95.
func TestMethodsFindAFront(t *testing.T) {
	for name, c := range map[string]struct {
		method Sampler
		least  float64
	}{"random": {random{}, 0.5}, "nsga2": {nsga2{}, 0.72}, "tpe": {tpe{}, 0.78}, "cmaes": {cmaes{}, 0.65}} {
		spec := cube(6, 1)
		spec.Budget.RunCap = 100
		spec.Metrics = append(spec.Metrics, sweep.Objective{Name: "fid.head", Goal: sweep.Minimize})
		trials := searched(t, c.method, spec, 100, func(u []float64, trial *sweep.Trial) {
			g := 1.0
			for _, v := range u[1:] {
				g += 9 * v / 5
			}
			trial.Metrics = values(u[0], g*(1-math.Sqrt(u[0]/g)))
		})
		volume := hypervolume(trials)
		t.Logf("%s: %.3f", name, volume)
		require.Greater(t, volume, c.least, name)
	}
}

func TestChildrenComeFromTheirParents(t *testing.T) {
	s := space.NewCube(mixed())
	absent := math.NaN()
	rng := rand.New(rand.NewPCG(1, 2))
	words, zeros, windows := 0, 0, 0
	const n = 3000
	for range n {
		u := child(s, rng, []float64{0, absent, 2}, []float64{0.9, 0.4, 2})
		if u[2] == 2 {
			words++
		}
		if u[0] == 0 {
			zeros++
		}
		if math.Abs(u[1]-0.4) < 0.2 {
			windows++
		}
	}
	require.InDelta(t, 2.0/3+1.0/9, float64(words)/n, 0.04, "both parents' word, unless mutated")
	require.InDelta(t, 0.5, float64(zeros)/n, 0.15)
	require.Greater(t, float64(windows)/n, 0.9, "of the parent that has one")
}
