package gp

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is testdata/reference.json, made by testdata/reference.py.
type reference struct {
	X      [][]float64 `json:"x"`
	Y      []float64   `json:"y"`
	Length []float64   `json:"length"`
	Signal float64     `json:"signal"`
	Noise  float64     `json:"noise"`
	Points [][]float64 `json:"points"`
	Mean   []float64   `json:"mean"`
	SD     []float64   `json:"sd"`

	LogMarginal float64 `json:"log_marginal_terms"` // 1/2 y' K^-1 y + 1/2 ln|K|

	EI []struct {
		Mean  float64 `json:"mean"`
		SD    float64 `json:"sd"`
		Best  float64 `json:"best"`
		LogEI float64 `json:"log_ei"`
	} `json:"ei"`
}

func load(t *testing.T) reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	var r reference
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

var kinds = []bool{false, false, true}

func TestPosteriorEqualsNumpy(t *testing.T) {
	r := load(t)
	p, err := Condition(r.X, r.Y, kinds, Hyper{Length: r.Length, Signal: r.Signal, Noise: r.Noise})
	require.NoError(t, err)
	for i, point := range r.Points {
		mean, sd := p.Posterior(point)
		require.InEpsilon(t, r.Mean[i], mean, 1e-9)
		require.InEpsilon(t, r.SD[i], sd, 1e-9)
	}
}

func TestLogEIEqualsArbitraryPrecision(t *testing.T) {
	for _, c := range load(t).EI {
		got := LogEI(c.Mean, c.SD, c.Best)
		require.InEpsilonf(t, c.LogEI, got, 1e-7, "mean %g sd %g best %g", c.Mean, c.SD, c.Best)
	}
	require.Equal(t, math.Inf(-1), LogEI(1, 0, 0))
	require.Equal(t, math.Log(2), LogEI(1, 0, 3))
}

func TestLogEIGrowsWithTheChance(t *testing.T) {
	last := math.Inf(-1)
	for best := -60.0; best < 5; best += 0.01 {
		v := LogEI(0, 1, best)
		require.Greaterf(t, v, last, "at %g", best)
		last = v
	}
}

func TestObjectiveEqualsNumpy(t *testing.T) {
	r := load(t)
	theta := []float64{math.Log(r.Length[0]), math.Log(r.Length[1]), math.Log(r.Length[2]), math.Log(r.Signal), math.Log(r.Noise)}
	want := r.LogMarginal
	for i, v := range theta {
		mean, sd := prior(i, 3)
		want += (v - mean) * (v - mean) / (2 * sd * sd)
	}
	o := objective{x: r.X, y: r.Y, categorical: kinds}
	require.InEpsilon(t, want, o.value(theta), 1e-9)
	theta[4] = -2 * maxLogHyper
	require.Equal(t, math.Inf(1), o.value(theta))
}

// The tolerance is that of central differences with step 1e-5 in float64.
func TestGradientEqualsFiniteDifferences(t *testing.T) {
	r := load(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		theta := make([]float64, 5)
		for i := range theta {
			theta[i] = rng.NormFloat64()*0.7 - 0.5
		}
		o := objective{x: r.X, y: r.Y, categorical: kinds}
		grad := make([]float64, 5)
		o.gradient(grad, theta)
		for i := range theta {
			const h = 1e-5
			up, down := append([]float64(nil), theta...), append([]float64(nil), theta...)
			up[i] += h
			down[i] -= h
			want := (o.value(up) - o.value(down)) / (2 * h)
			require.InDeltaf(t, want, grad[i], 1e-6*(1+math.Abs(want)), "coordinate %d", i)
		}
	}
}

func TestFitFindsTheCoordinateThatMatters(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var x [][]float64
	var y []float64
	for range 40 {
		u := []float64{rng.Float64(), rng.Float64(), float64(rng.IntN(3))}
		x, y = append(x, u), append(y, math.Sin(6*u[0]))
	}
	p, err := Fit(x, y, kinds)
	require.NoError(t, err)
	require.Less(t, p.Hyper.Length[0], p.Hyper.Length[1])
	mean, sd := p.Posterior([]float64{0.3, 0.9, 1})
	require.InDelta(t, math.Sin(1.8), mean, 0.05)
	require.Less(t, sd, 0.2)

	again, err := Fit(x, y, kinds)
	require.NoError(t, err)
	require.Equal(t, p.Hyper, again.Hyper)
}

func TestFitSurvivesEqualPoints(t *testing.T) {
	x := [][]float64{{0.5, 0.5, 0}, {0.5, 0.5, 0}, {0.5, 0.5, 0}, {0.1, 0.5, 0}}
	p, err := Fit(x, []float64{1, 1, -1, -1}, kinds)
	require.NoError(t, err)
	mean, _ := p.Posterior(x[0])
	require.InDelta(t, 1.0/3, mean, 0.4)
}

func TestFitRefusesWhatIsNotFinite(t *testing.T) {
	_, err := Fit([][]float64{{math.NaN(), 0, 0}, {0, 0, 0}}, []float64{0, 1}, kinds)
	require.Error(t, err)
	_, err = Fit(nil, nil, kinds)
	require.Error(t, err)
}
