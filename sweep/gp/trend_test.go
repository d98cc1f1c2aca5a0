package gp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// trendOf is a process of f at 40 points of the unit square.
func trendOf(t *testing.T, f func(x []float64) float64) *Process {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	data := Data{Categorical: []bool{false, false}}
	for range 40 {
		x := []float64{rng.Float64(), rng.Float64()}
		data.X, data.Y = append(data.X, x), append(data.Y, f(x))
	}
	p, err := Regress(data, Options{Exact: true})
	require.NoError(t, err)
	return p.Process
}

func bowlAt(u, v float64) func([]float64) float64 {
	return func(x []float64) float64 { return (x[0]-u)*(x[0]-u) + 2*(x[1]-v)*(x[1]-v) }
}

// few are observations of f on one side of the square.
func few(f func(x []float64) float64) Data {
	data := Data{Categorical: []bool{false, false}}
	for _, x := range [][]float64{{0.1, 0.1}, {0.3, 0.8}, {0.2, 0.5}, {0.4, 0.3}, {0.05, 0.9}, {0.35, 0.6}} {
		data.X, data.Y = append(data.X, x), append(data.Y, f(x))
	}
	return data
}

// A process with a trend predicts where only the trend has data, in units of its own
// observations, whatever the sign between the two; a trend that does not explain the
// observations is not taken.
func TestTrend(t *testing.T) {
	f := bowlAt(0.8, 0.3)
	of := trendOf(t, f)
	far := [][]float64{{0.8, 0.3}, {0.95, 0.1}, {0.7, 0.6}}
	errorOf := func(r *Regression, g func([]float64) float64) (worst float64) {
		for _, x := range far {
			mean, _ := r.Posterior(x)
			worst = math.Max(worst, math.Abs(r.From(mean)-g(x)))
		}
		return worst
	}
	for name, c := range map[string]struct {
		g        func(x []float64) float64
		reversed bool
	}{
		"rescaled":    {func(x []float64) float64 { return 500 + 30*f(x) }, false},
		"upside down": {func(x []float64) float64 { return -3 - 30*f(x) }, true},
	} {
		r, err := Regress(few(c.g), Options{Exact: true, Trends: []Trend{{Process: of, Reversed: c.reversed}}})
		require.NoError(t, err)
		require.Zero(t, r.Trend, name)
		without, err := Regress(few(c.g), Options{Exact: true})
		require.NoError(t, err)
		require.Less(t, errorOf(r, c.g), 0.3, name)
		require.Greater(t, errorOf(without, c.g), 1.0, "%s: nothing else knows that side", name)

		r, err = Regress(few(c.g), Options{Exact: true, Trends: []Trend{{Process: of, Reversed: !c.reversed}}})
		require.NoError(t, err)
		require.Equal(t, -1, r.Trend, "%s: of the other sign", name)
		require.Equal(t, errorOf(without, c.g), errorOf(r, c.g), name)
	}
	// Of two trends the one that explains the observations.
	r, err := Regress(few(f), Options{Exact: true, Trends: []Trend{{Process: trendOf(t, bowlAt(0.1, 0.9))}, {Process: of}}})
	require.NoError(t, err)
	require.Equal(t, 1, r.Trend)
}

// The gradient of the mean has the trend's, and so have processes conditioned on draws.
func TestTrendGradient(t *testing.T) {
	f := bowlAt(0.8, 0.3)
	r, err := Regress(few(func(x []float64) float64 { return -7 * f(x) }), Options{Exact: true, Trends: []Trend{{Process: trendOf(t, f), Reversed: true}}})
	require.NoError(t, err)
	require.Zero(t, r.Trend)
	drawn, values, err := r.Draw([][]float64{{0.9, 0.9}}, [][]float64{{1.5}})
	require.NoError(t, err)
	mean, sd := r.Posterior([]float64{0.9, 0.9})
	require.InDelta(t, mean+1.5*sd, values[0][0], 1e-6)
	for _, p := range []*Process{r.Process, drawn} {
		var w Workspace
		at := []float64{0.6, 0.45}
		p.Predict(at, 1, &w)
		gradient := make([]float64, 2)
		p.Gradient(&w, []float64{1}, 0, gradient)
		const h = 1e-5
		for k := range at {
			up, down := append([]float64(nil), at...), append([]float64(nil), at...)
			up[k], down[k] = up[k]+h, down[k]-h
			above, _ := p.Posterior(up)
			below, _ := p.Posterior(down)
			require.InDelta(t, (above-below)/(2*h), gradient[k], 1e-4)
		}
	}
	at, _ := drawn.Posterior([]float64{0.9, 0.9})
	require.InDelta(t, values[0][0], at, 1e-3)
}

// follow's units, against the formula of its comment.
func TestFollow(t *testing.T) {
	of := trendOf(t, bowlAt(0.5, 0.5))
	data := few(bowlAt(0.4, 0.6))
	for _, sign := range []float64{1, -1} {
		const deviation = 0.3
		r := &Regression{}
		warped := append([]float64(nil), data.Y...)
		r.follow(warped, data, trend{of, sign / deviation})
		var residuals, squaresT, squaresM, meanT, meanM float64
		n := float64(len(warped))
		m := make([]float64, len(warped))
		for i, x := range data.X {
			mean, _ := of.Posterior(x)
			m[i] = sign * mean
			meanT, meanM = meanT+data.Y[i]/n, meanM+m[i]/n
		}
		for i := range m {
			squaresT += (data.Y[i] - meanT) * (data.Y[i] - meanT)
			squaresM += (m[i] - meanM) * (m[i] - meanM)
		}
		slope := math.Sqrt(squaresT / (squaresM + (n-1)*deviation*deviation))
		require.InDelta(t, slope*deviation, r.Scale, 1e-9)
		for i := range m {
			require.InDelta(t, data.Y[i], r.Centre+slope*(m[i]+deviation*warped[i]), 1e-9)
			residuals += warped[i]
		}
		require.InDelta(t, 0, residuals, 1e-9)
	}
}

// Lengthscales are near those of a similar process where there are few observations, and
// the observations' own where there are many.
func TestSimilar(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	survey := func(n int, f func(x []float64) float64) Data {
		data := Data{Categorical: []bool{false, false}}
		for range n {
			x := []float64{rng.Float64(), rng.Float64()}
			data.X, data.Y = append(data.X, x), append(data.Y, f(x))
		}
		return data
	}
	first := func(x []float64) float64 { return math.Sin(9 * x[0]) }
	second := func(x []float64) float64 { return math.Sin(9 * x[1]) }
	ratio := func(data Data, o Options) float64 {
		o.Exact = true
		r, err := Regress(data, o)
		require.NoError(t, err)
		return r.Hyper.Length[0] / r.Hyper.Length[1]
	}
	of, err := Regress(survey(40, first), Options{Exact: true})
	require.NoError(t, err)
	few, many := survey(5, second), survey(120, second)
	require.Less(t, ratio(few, Options{Similar: of.Process}), ratio(few, Options{})/2)
	require.Greater(t, ratio(many, Options{Similar: of.Process}), 3.0)

	prior := newPrior(2)
	list := near(prior, []float64{2, 0.1}, 0)
	own, precision := 1/(prior[0].sd*prior[0].sd), 1/(nearSD*nearSD)
	require.InDelta(t, (own*prior[0].mean+precision*math.Log(2))/(own+precision), list[0].mean, 1e-12)
	require.InDelta(t, 1/math.Sqrt(own+precision), list[0].sd, 1e-12)
	require.Equal(t, prior[2:], list[2:], "lengthscales only")
	require.InDelta(t, prior[1].mean, near(prior, []float64{2, 0.1}, 1e6)[1].mean, 1e-3)
}
