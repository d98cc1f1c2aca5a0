package gp

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is testdata/reference.json, made by testdata/reference.py.
type reference struct {
	X         [][]float64 `json:"x"`
	Y         []float64   `json:"y"`
	Weight    []float64   `json:"weight"`
	Length    []float64   `json:"length"`
	Signal    float64     `json:"signal"`
	Noise     float64     `json:"noise"`
	Points    [][]float64 `json:"points"`
	Processes []struct {
		Additive    float64   `json:"additive"`
		Mean        []float64 `json:"mean"`
		SD          []float64 `json:"sd"`
		LogMarginal float64   `json:"log_marginal_terms"` // 1/2 y' K^-1 y + 1/2 ln|K|
	} `json:"processes"`
	EI []struct {
		Mean  float64 `json:"mean"`
		SD    float64 `json:"sd"`
		Best  float64 `json:"best"`
		LogEI float64 `json:"log_ei"`
	} `json:"ei"`
	LogCDF []struct {
		Z     float64 `json:"z"`
		Value float64 `json:"value"`
	} `json:"log_cdf"`
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

func (r reference) data() Data { return Data{X: r.X, Y: r.Y, Weight: r.Weight, Categorical: kinds} }

func (r reference) hyper(additive float64) Hyper {
	return Hyper{Length: r.Length, Signal: r.Signal, Noise: r.Noise, Additive: additive}
}

func TestPosteriorEqualsNumpy(t *testing.T) {
	r := load(t)
	for _, want := range r.Processes {
		p, err := Condition(r.data(), r.hyper(want.Additive))
		require.NoError(t, err)
		for i, point := range r.Points {
			mean, sd := p.Posterior(point)
			require.InEpsilon(t, want.Mean[i], mean, 1e-9)
			require.InEpsilon(t, want.SD[i], sd, 1e-9)
		}
	}
}

// logEI is the value of LogEI.
func logEI(mean, sd, best float64) float64 {
	value, _, _ := LogEI(mean, sd, best)
	return value
}

func TestLogEIEqualsArbitraryPrecision(t *testing.T) {
	for _, c := range load(t).EI {
		got := logEI(c.Mean, c.SD, c.Best)
		require.InEpsilonf(t, c.LogEI, got, 1e-10, "mean %g sd %g best %g", c.Mean, c.SD, c.Best)
	}
	require.Equal(t, math.Inf(-1), logEI(1, 0, 0))
	require.Equal(t, math.Log(2), logEI(1, 0, 3))
}

func TestLogEIIsMonotonic(t *testing.T) {
	last := math.Inf(-1)
	for best := -60.0; best < 5; best += 0.01 {
		v := logEI(0, 1, best)
		require.Greaterf(t, v, last, "at %g", best)
		last = v
	}
}

// The tolerance is that of central differences with step 1e-6 in float64.
func TestLogEIGradientEqualsFiniteDifferences(t *testing.T) {
	const h = 1e-6
	for _, c := range load(t).EI[:8] {
		_, dMean, dSD := LogEI(c.Mean, c.SD, c.Best)
		require.InEpsilon(t, (logEI(c.Mean+h, c.SD, c.Best)-logEI(c.Mean-h, c.SD, c.Best))/(2*h), dMean, 1e-6)
		require.InEpsilon(t, (logEI(c.Mean, c.SD+h, c.Best)-logEI(c.Mean, c.SD-h, c.Best))/(2*h), dSD, 1e-6)
	}
}

func TestLogCDFEqualsArbitraryPrecision(t *testing.T) {
	const h = 1e-6
	for _, c := range load(t).LogCDF {
		value, slope := LogCDF(c.Z)
		require.InEpsilonf(t, c.Value, value, 1e-12, "at %g", c.Z)
		up, _ := LogCDF(c.Z + h)
		down, _ := LogCDF(c.Z - h)
		require.InEpsilon(t, (up-down)/(2*h), slope, 1e-5)
	}
}

func TestDecayEqualsExp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		r := math.Abs(rng.NormFloat64()) * math.Pow(10, 6*rng.Float64()-4)
		require.InEpsilonf(t, math.Exp(-min(r, 700)), decay(r), 1e-13, "exp(-%g)", r)
	}
	require.Equal(t, 1.0, decay(0))
	require.Less(t, decay(math.Inf(1)), 1e-300)
}

// Eight at a time or one, the bits are equal, so that a suggestion does not depend on
// the processor.
func TestMaternsEqualMatern52(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r2 := make([]float64, 1003)
	for i := range r2 {
		r2[i] = math.Pow(10, 14*rng.Float64()-8)
	}
	r2[17], r2[18] = 0, 1e90
	value, slope := make([]float64, len(r2)), make([]float64, len(r2))
	materns(value, slope, 1, r2)
	for i, at := range r2 {
		v, s := matern52(at)
		require.Equalf(t, v, value[i], "value at %g", at)
		require.Equalf(t, s, slope[i], "slope at %g", at)
		r := math.Sqrt(5 * at)
		require.InDelta(t, (1+r+5*at/3)*math.Exp(-r), v, 1e-13)
	}
}

func TestObjectiveEqualsNumpy(t *testing.T) {
	r := load(t)
	for _, p := range r.Processes {
		prior := newPrior(3)[:5]
		theta := []float64{math.Log(r.Length[0]), math.Log(r.Length[1]), math.Log(r.Length[2]), math.Log(r.Signal), math.Log(r.Noise)}
		if p.Additive > 0 {
			prior = newPrior(3)
			theta = append(theta, math.Log(p.Additive/(1-p.Additive)))
		}
		want := p.LogMarginal
		for i, v := range theta {
			p := prior[i]
			want += (v - p.mean) * (v - p.mean) / (2 * p.sd * p.sd)
		}
		o := newObjective(r.data(), []reading{{y: r.data().Y}}, prior)
		require.InEpsilon(t, want, o.value(theta), 1e-9)
		theta[4] = -2 * maxLogHyper
		require.Equal(t, math.Inf(1), o.value(theta))
	}
}

// The tolerance is that of central differences with step 1e-5 in float64.
func TestGradientEqualsFiniteDifferences(t *testing.T) {
	r := load(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, prior := range [][]normal{newPrior(3)[:5], newPrior(3)} {
		for range 5 {
			theta := make([]float64, len(prior))
			for i := range theta {
				theta[i] = rng.NormFloat64()*0.7 - 0.5
			}
			o := newObjective(r.data(), []reading{{y: r.data().Y}}, prior)
			grad := make([]float64, len(theta))
			o.gradient(grad, theta)
			for i := range theta {
				const h = 1e-5
				up, down := slices.Clone(theta), slices.Clone(theta)
				up[i] += h
				down[i] -= h
				want := (o.value(up) - o.value(down)) / (2 * h)
				require.InDeltaf(t, want, grad[i], 1e-6*(1+math.Abs(want)), "coordinate %d", i)
			}
		}
	}
}

func TestRegressFindsTheCoordinateThatMatters(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	data := Data{Categorical: kinds}
	for range 40 {
		u := []float64{rng.Float64(), rng.Float64(), float64(rng.IntN(3))}
		data.X, data.Y = append(data.X, u), append(data.Y, 100+20*math.Sin(6*u[0]))
	}
	r, err := Regress(data, Options{})
	require.NoError(t, err)
	require.Less(t, r.Hyper.Length[0], r.Hyper.Length[1])
	mean, sd := r.Posterior([]float64{0.3, 0.9, 1})
	require.InDelta(t, 100+20*math.Sin(1.8), r.From(mean), 1)
	require.Less(t, r.Spread(mean, sd), 4.0)

	again, err := Regress(data, Options{})
	require.NoError(t, err)
	require.Equal(t, r.Hyper, again.Hyper)
}

// A sum over coordinates is known at a corner that no point is near.
func TestRegressLearnsASum(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	data := Data{Categorical: make([]bool, 4)}
	f := func(u []float64) (sum float64) {
		for _, x := range u {
			sum += math.Sin(8 * x)
		}
		return sum
	}
	for range 60 {
		u := make([]float64, 4)
		for k := range u {
			u[k] = rng.Float64()
		}
		data.X, data.Y = append(data.X, u), append(data.Y, f(u))
	}
	r, err := Regress(data, Options{Exact: true})
	require.NoError(t, err)
	require.Greater(t, r.Hyper.Additive, 0.5)
	corner := []float64{0.95, 0.05, 0.9, 0.1}
	mean, _ := r.Posterior(corner)
	require.InDelta(t, f(corner), r.From(mean), 0.2)
}

// The exponential of a smooth function is modelled by its logarithm.
func TestRegressWarps(t *testing.T) {
	data := Data{Categorical: []bool{false}}
	for i := range 20 {
		x := float64(i) / 19
		data.X, data.Y = append(data.X, []float64{x}), append(data.Y, math.Exp(12*math.Abs(x-0.4))-1)
	}
	r, err := Regress(data, Options{})
	require.NoError(t, err)
	require.Equal(t, WarpLog, r.Warp.Kind)
	require.Greater(t, (r.To(1)-r.To(0))/(r.To(101)-r.To(100)), 10.0)

	r, err = Regress(data, Options{Volumes: true, Straight: 100})
	require.NoError(t, err)
	require.Equal(t, WarpSoft, r.Warp.Kind)
	require.InEpsilon(t, 1, (r.To(1)-r.To(0))/(r.To(100)-r.To(99)), 1e-9, "distances are kept up to the worst value on the front")
	require.Greater(t, (r.To(100)-r.To(99))/(r.To(1001)-r.To(1000)), 2.0)
}

func TestWarpsGrowAndInvert(t *testing.T) {
	const h = 1e-6
	for _, w := range []Warp{{Kind: WarpNone}, {Kind: WarpLog, Low: -2, Scale: 0.3}, {Kind: WarpBilog, Scale: 2}} {
		for _, y := range []float64{-2.1, -1, -0.01, 0, 0.5, 1e6} {
			require.InDelta(t, y, w.Inverse(w.Forward(y)), 1e-9*(1+math.Abs(y)))
			require.InEpsilon(t, (w.Forward(y+h)-w.Forward(y-h))/(2*h), w.Slope(y), 1e-3)
		}
	}
	require.Zero(t, Warp{Kind: WarpBilog, Scale: 2}.Forward(0), "feasible stays feasible")
}

func TestRegressWithEqualPoints(t *testing.T) {
	data := Data{X: [][]float64{{0.5, 0.5, 0}, {0.5, 0.5, 0}, {0.5, 0.5, 0}, {0.1, 0.5, 0}}, Y: []float64{1, 1, -1, -1}, Categorical: kinds}
	r, err := Regress(data, Options{})
	require.NoError(t, err)
	mean, _ := r.Posterior(data.X[0])
	require.InDelta(t, 0, r.From(mean), 1, "no number outside the observations")
}

func TestRegressRefusesNonFiniteData(t *testing.T) {
	_, err := Regress(Data{X: [][]float64{{math.NaN(), 0, 0}, {0, 0, 0}}, Y: []float64{0, 1}, Categorical: kinds}, Options{})
	require.Error(t, err)
	_, err = Regress(Data{Categorical: kinds}, Options{})
	require.Error(t, err)
}

// A process conditioned on a draw goes through it; with z = 0 it is the one
// conditioned on its own mean, which changes no mean elsewhere; and the draws have
// the posterior's moments.
func TestDraw(t *testing.T) {
	r := load(t)
	p, err := Condition(r.data(), r.hyper(0.4))
	require.NoError(t, err)
	points := r.Points[:2]
	rng := rand.New(rand.NewPCG(8, 9))
	z := [][]float64{{0, 0}}
	for range 4000 {
		z = append(z, []float64{rng.NormFloat64(), rng.NormFloat64()})
	}
	drawn, values, err := p.Draw(points, z)
	require.NoError(t, err)
	var w Workspace
	for i, point := range points {
		mean, sd := p.Posterior(point)
		require.InDelta(t, mean, values[0][i], 1e-9)
		var sum, squares float64
		for j := range z {
			sum += values[j][i]
			squares += (values[j][i] - mean) * (values[j][i] - mean)
		}
		require.InDelta(t, mean, sum/float64(len(z)), 4*sd/math.Sqrt(float64(len(z))))
		require.InEpsilon(t, sd*sd, squares/float64(len(z)), 0.1)
		drawn.Predict(point, len(z), &w)
		require.InDelta(t, values[5][i], w.Mean[5], 1e-3)
		require.Less(t, w.Var, 1e-4)
	}
	mean, sd := p.Posterior(r.Points[2])
	drawn.Predict(r.Points[2], len(z), &w)
	require.InDelta(t, mean, w.Mean[0], 1e-6)
	require.Less(t, w.Var, sd*sd)
}

// The inverse of the larger factor has the bits of one that is computed anew, at sizes
// that are and are not multiples of the rows that are added at a time.
func TestDrawExtendsTheInverse(t *testing.T) {
	r := load(t)
	for n := len(r.X) - 4; n <= len(r.X); n++ {
		data := Data{X: r.X[:n], Y: r.Y[:n], Categorical: kinds}
		p, err := Condition(data, r.hyper(0.4))
		require.NoError(t, err)
		for q := range 4 {
			drawn, _, err := p.Draw(r.Points[:q], [][]float64{make([]float64, q)})
			require.NoError(t, err)
			require.Equal(t, invert(drawn.factor), drawn.lower)
		}
	}
}

func TestMeanEqualsPosterior(t *testing.T) {
	r := load(t)
	p, err := Condition(r.data(), r.hyper(0.4))
	require.NoError(t, err)
	followed, err := Condition(r.data(), r.hyper(0))
	require.NoError(t, err)
	followed.trend = trend{of: p, slope: 2}
	var w Workspace
	for _, q := range []*Process{p, followed} {
		for _, point := range r.Points {
			mean, _ := q.Posterior(point)
			require.Equal(t, mean, q.Mean(point, &w))
		}
	}
}
