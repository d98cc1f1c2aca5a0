package problems

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/simulate"
)

// The numbers are numpy's: testdata/reference.py.
func TestFunctionsAgainstReference(t *testing.T) {
	var reference struct {
		Plain []struct {
			Name string
			X    []float64
			F    float64
		}
		BBOB []struct {
			Name   string
			X, Opt []float64
			R, Q   [][]float64
			Peaks  []struct {
				At, Scale []float64
				W         float64
			}
			F float64
		}
		Fronts []struct {
			Name    string
			X, S, F []float64
		}
	}
	data, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &reference))

	plain := map[string]func([]float64) float64{"ackley": simulate.Ackley, "levy": simulate.Levy, "rastrigin": simulate.Rastrigin, "rosenbrock": simulate.Rosenbrock,
		"griewank": griewank, "styblinski": styblinski, "michalewicz": michalewicz, "branin": braninF}
	for _, c := range reference.Plain {
		require.InEpsilon(t, c.F, plain[c.Name](c.X), 1e-10, "%s%v", c.Name, c.X)
	}
	bbob := map[string]func(instance, []float64) float64{"ellipsoid": ellipsoid, "attractive_sector": attractiveSector,
		"step_ellipsoid": stepEllipsoid, "sharp_ridge": sharpRidge, "different_powers": differentPowers,
		"weierstrass": weierstrass, "schaffers": schaffers, "gallagher": gallagher}
	for _, c := range reference.BBOB {
		in := instance{opt: c.Opt, r: c.R, q: c.Q}
		for _, p := range c.Peaks {
			in.peaks = append(in.peaks, peak{p.At, p.Scale, p.W})
		}
		require.InEpsilon(t, c.F, bbob[c.Name](in, c.X), 1e-8, "%s%v", c.Name, c.X)
	}
	fronts := map[string]func(x, s []float64) []float64{
		"zdt1":    func(x, s []float64) []float64 { return zdt(s, zdt1)(x) },
		"zdt3":    func(x, s []float64) []float64 { return zdt(s, zdt3)(x) },
		"dtlz2_3": func(x, s []float64) []float64 { return dtlz2(3, s)(x) },
		"kursawe": func(x, _ []float64) []float64 { return kursawe(x) },
	}
	for _, c := range reference.Fronts {
		require.InEpsilonSlice(t, c.F, fronts[c.Name](c.X, c.S), 1e-10, c.Name)
	}
}

// Optima at places that are known, before the shift.
func TestOptima(t *testing.T) {
	require.InDelta(t, 0, simulate.Ackley(make([]float64, 5)), 1e-14)
	require.InDelta(t, 0, simulate.Levy([]float64{1, 1, 1}), 1e-30)
	require.Zero(t, simulate.Rastrigin(make([]float64, 4)))
	require.Zero(t, simulate.Rosenbrock([]float64{1, 1, 1}))
	require.Zero(t, griewank(make([]float64, 3)))
	require.InDelta(t, styblinskiBest, styblinski([]float64{-2.903534}), 1e-10)
	require.InDelta(t, hartmann6Best, hartmann6([]float64{0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}), 1e-8)
	require.InDelta(t, hartmann3Best, hartmann3([]float64{0.114614, 0.555649, 0.852547}), 1e-5)
	require.InDelta(t, 0.39788735772973816, braninF([]float64{math.Pi, 2.275}), 1e-12)
	for _, p := range bbobs() {
		params := sweep.Params{}
		for i, v := range newInstance(p.Name, len(p.Space)).opt {
			params[axis(i)] = sweep.Number(v)
		}
		values, _ := p.Eval(params)
		require.InDelta(t, 0, values[0], 1e-6, p.Name)
	}
}

// Constraints at points whose side of the border is known from the papers.
func TestConstraints(t *testing.T) {
	_, c := bnh([]float64{0, 0})
	require.Equal(t, []float64{0, 7.7 - 64 - 9}, c)
	f, c := gramacy([]float64{0.1954, 0.4044})
	require.InDelta(t, 0.5998, f[0], 1e-4)
	require.InDelta(t, 0, c[0], 2e-3, "the first is active at the optimum")
	f, c = srn([]float64{-2.5, 2.5})
	require.Equal(t, []float64{24.5, -24.75}, f)
	require.True(t, Feasible(f, c))
	f, c = osy([]float64{5, 1, 5, 0, 5, 0})
	require.InDelta(t, -274, f[0], 1e-12, "the end of the front in the paper")
	require.True(t, Feasible(f, c))
	require.Less(t, islands([]float64{math.Sqrt2 / 2, math.Sqrt2 / 2}, 0.2), 0.0)
	require.Less(t, islands([]float64{1, 0.1}, 0.2), 0.0)
	require.Greater(t, islands([]float64{0.9, 0.44}, 0.2), 0.0, "between islands")
}

func TestProblemsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All() {
		require.False(t, seen[p.Name], p.Name)
		seen[p.Name] = true
		again, ok := Lookup(p.Name)
		require.True(t, ok)
		require.Equal(t, p.Fingerprint(), again.Fingerprint(), p.Name)
		rng, reachable := generator("test"), false
		for range 500 {
			params := p.decode(uniformly(rng, len(p.Space)))
			values, constraints := p.Eval(params)
			require.Len(t, values, p.Objectives, p.Name)
			require.Len(t, constraints, p.Constraints, p.Name)
			if p.Objectives > 1 && Feasible(values, constraints) {
				reachable = reachable || analysis.Hypervolume([][]float64{values}, p.Reference) > 0
			}
		}
		require.True(t, reachable || p.Objectives == 1, "%s: no random point is below the reference", p.Name)
		require.Greater(t, p.Scale(), 0.0, p.Name)
		if p.Objectives > 1 {
			require.Len(t, p.Reference, p.Objectives, p.Name)
		}
	}
	require.GreaterOrEqual(t, len(seen), 24)
}
