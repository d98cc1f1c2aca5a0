package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// trend is the mean function of a process: Slope times the mean of another one. The
// zero value is no trend.
type trend struct {
	of    *Process
	slope float64
}

// Deviations of the observations from a trend, in units of the trend's own process, of
// which Regress chooses one. At 1 the trend is a weak hint.
var trendDeviations = []float64{1, 0.3, 0.1, 0.03}

// trendOdds is the logarithm of the prior odds for a trend, of n observations: each makes
// a trend less credible that does not explain it.
func trendOdds(n int) float64 { return -2 - 0.25*float64(n) }

// add adds the trend at point to each of w.Mean.
func (t trend) add(point []float64, w *Workspace) {
	if t.of == nil {
		return
	}
	if w.trend == nil {
		w.trend = new(Workspace)
	}
	floats.AddConst(t.at(point, w.trend), w.Mean)
}

// at returns the trend at point, and prepares w for gradient.
func (t trend) at(point []float64, w *Workspace) float64 {
	p := t.of
	p.kernel.fill(&w.row, point, p.x)
	return t.slope * dot(p.alpha.Data, w.row.k)
}

// gradient adds to grad factor times the gradient at the point of the last add.
func (t trend) gradient(w *Workspace, factor float64, grad []float64) {
	if t.of == nil {
		return
	}
	w.trend.weight = append(w.trend.weight[:0], t.of.alpha.Data...)
	floats.Scale(factor*t.slope, w.trend.weight)
	t.of.kernel.gradient(&w.trend.row, w.trend.weight, grad)
}

// follow takes data, warped, less the trend as the observations. With m_i the trend's
// process at x_i, negative where it is reversed, T_i the warped observations, S_T and S_m their sums of squared
// deviations and s the expected deviation from the trend in units of m,
//
//	T_i = centre + slope (m_i + s t'_i),   slope^2 = S_T / (S_m + (n-1) s^2)
//
// so that t = (T - centre)/(slope s) = m/s + t' has a residual t' of about unit variance,
// as the hyper-parameters' prior expects. slope > 0: m has the right sign.
func (r *Regression) follow(warped []float64, data Data, t trend) {
	var w Workspace
	m := make([]float64, len(warped))
	unit := trend{t.of, math.Copysign(1, t.slope)}
	for i, x := range data.X {
		m[i] = unit.at(x, &w)
	}
	deviation := 1 / math.Abs(t.slope)
	n := float64(len(m))
	meanT, meanM := floats.Sum(warped)/n, floats.Sum(m)/n
	var squaresT, squaresM float64
	for i, v := range warped {
		squaresT += (v - meanT) * (v - meanT)
		squaresM += (m[i] - meanM) * (m[i] - meanM)
	}
	slope := math.Sqrt(squaresT / (squaresM + (n-1)*deviation*deviation))
	if !(slope > 0) || math.IsInf(slope, 0) {
		slope = 1
	}
	r.Scale, r.Centre, r.trend = slope*deviation, meanT-slope*meanM, t
	for i, v := range warped {
		warped[i] = (v-r.Centre)/r.Scale - m[i]/deviation
	}
}
