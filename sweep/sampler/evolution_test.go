package sampler

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

func TestEvolutionEqualsPackageCMAES(t *testing.T) {
	var want struct {
		Weights     []float64 `json:"weights"`
		Generations []struct {
			Points [][]float64 `json:"points"`
			Mean   []float64   `json:"mean"`
			Sigma  float64     `json:"sigma"`
			C      [][]float64 `json:"c"`
			Path   []float64   `json:"p_c"`
			Step   []float64   `json:"p_sigma"`
		} `json:"generations"`
	}
	data, err := os.ReadFile("testdata/evolution.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &want))
	e := newEvolution(space.NewCube(cube(4, 1)), 8, []float64{0.5, 0.5, 0.5, 0.5}, 0.1)
	require.InDeltaSlice(t, want.Weights, e.weights, 1e-12)
	const tolerance = 1e-7 // the package adds 1e-8 under some roots
	for _, g := range want.Generations {
		require.True(t, e.update(g.Points))
		require.InDeltaSlice(t, g.Mean, e.mean, tolerance)
		require.InDelta(t, g.Sigma, e.sigma, tolerance)
		require.InDeltaSlice(t, g.Path, e.path, tolerance)
		require.InDeltaSlice(t, g.Step, e.step, tolerance)
		for a, row := range g.C {
			for b, v := range row {
				require.InDelta(t, v, e.c.At(a, b), tolerance)
			}
		}
	}
	// B D^2 B^T is C, and whitening undoes it.
	var again mat.Dense
	d := mat.NewDiagDense(4, nil)
	for k, v := range e.scale {
		d.SetDiag(k, v*v)
	}
	again.Product(e.basis, d, e.basis.T())
	require.True(t, mat.EqualApprox(e.c, &again, 1e-12))
	z := []float64{1, -2, 0.5, 0.3}
	x := e.normal(z)
	for k := range x {
		x[k] = (x[k] - e.mean[k]) / e.sigma
	}
	require.InDelta(t, norm(z), norm(e.whiten(x)), 1e-12)
}

func TestEvolutionMovesOutliersTowardsTheMean(t *testing.T) {
	near, far := newEvolution(space.NewCube(cube(2, 1)), 6, []float64{0.5, 0.5}, 0.01), newEvolution(space.NewCube(cube(2, 1)), 6, []float64{0.5, 0.5}, 0.01)
	points := func(first float64) [][]float64 {
		return [][]float64{{first, 0.5}, {0.5, 0.51}, {0.5, 0.49}, {0.49, 0.5}, {0.5, 0.5}, {0.51, 0.5}}
	}
	limit := 0.5 + 0.01*(math.Sqrt2+1)
	require.True(t, near.update(points(limit)))
	require.True(t, far.update(points(1)))
	require.InDeltaSlice(t, near.mean, far.mean, 1e-12)
	require.InDelta(t, near.sigma, far.sigma, 1e-12)
}

func TestSharesFollowTheBetterHalfAndKeepAMargin(t *testing.T) {
	spec := &sweep.Spec{Parameters: []sweep.Parameter{{Name: "word", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b"), sweep.Word("c")}}}}
	e := newEvolution(space.NewCube(spec), 6, []float64{0}, 0.1)
	require.Empty(t, e.ranges)
	for range 100 {
		e.learn(0, []int{1, 1, -1, 0, 0, 2})
	}
	require.InDelta(t, 1.0/18, e.shares[0][0], 0.01, "the margin 1/(lambda c)")
	require.InDelta(t, 1, e.shares[0][0]+e.shares[0][1]+e.shares[0][2], 1e-12)
	require.Greater(t, e.shares[0][1], 0.85)
	before := e.shares[0][1]
	e.learn(0, []int{-1, -1, -1, 0, 0, 0})
	require.Equal(t, before, e.shares[0][1], "no point of the better half has a category")
}

func TestMarginLetsIntegersMove(t *testing.T) {
	spec := &sweep.Spec{Parameters: []sweep.Parameter{{Name: "batch", Distribution: sweep.DistIntUniform, Min: 1, Max: 5}, {Name: "lr", Distribution: sweep.DistUniform, Max: 1}}}
	s := space.NewCube(spec)
	e := newEvolution(s, 6, []float64{0.5, 0.5}, 1e-4)
	require.Zero(t, e.margin(1))
	const n = 6000
	moved := 0
	for i := range n {
		spec.Seed = int64(i)
		if u := e.draw(s, randomOf(Request{Spec: spec}), nil); s.Params(u)["batch"] != sweep.Number(3) {
			moved++
		}
	}
	require.InDelta(t, n/12, moved, 5*math.Sqrt(n/12), "1/(n lambda) of the draws")
}
