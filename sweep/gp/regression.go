package gp

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Regression is a process over warped and standardised observations,
// t = (warp(y) - centre)/scale.
type Regression struct {
	*Process
	Warp          Warp
	Centre, Scale float64
	Data          Data // in t, less the trend
	Trend         int  // the one of Options.Trends that it follows; -1 for none
	trend         trend
}

// Options of Regress.
type Options struct {
	Constraint bool // the values around 0 matter: bilog instead of log
	Exact      bool // observations have no noise
	// Volumes of objective space count: observations keep their distances up to
	// Straight, the worst value on the front, and are compressed beyond it.
	Volumes  bool
	Straight float64
	// Candidates for the mean function, up to a linear map: what earlier data says. The
	// likelihood chooses among them, how near the observations are to it, and none.
	Trends  []Trend
	Similar *Process // lengthscales are expected near those of this one; nil for none
}

// Trend is a process that another one may have as its mean, with either sign.
type Trend struct {
	*Process
	Reversed bool // where the process is high, the other one is low
}

const (
	quickPoints = 64  // observations that the warp is chosen by
	fitPoints   = 200 // observations that hyper-parameters are fitted on
	maxPoints   = 600 // observations that the process is conditioned on
)

// Regress chooses a warp by marginal likelihood, with its Jacobian (Snelson et al.
// 2004, eq. 5), fits the hyper-parameters and conditions the process. Data.Y are in
// their own units.
//
// Of many observations it uses a part: the best ones, and of the rest an even spread
// over the order of observation.
func Regress(data Data, o Options) (*Regression, error) {
	if err := data.check(); err != nil {
		return nil, err
	}
	d := len(data.Categorical)
	prior := newPrior(d)
	if o.Exact {
		prior[d+1] = normal{-11, 2}
	}
	if d == 1 {
		prior = prior[:d+2]
	}
	if o.Similar != nil {
		prior = near(prior, o.Similar.Hyper.Length, len(data.Y))
	}
	data = data.part(maxPoints, o.Constraint)
	quick := data.part(quickPoints, o.Constraint)

	var readings []reading
	var list []*Regression
	for _, w := range warps(data.Y, o) {
		list = append(list, &Regression{Warp: w, Trend: -1})
		for i, p := range o.Trends {
			for _, deviation := range trendDeviations {
				slope := 1 / deviation
				if p.Reversed {
					slope = -slope
				}
				list = append(list, &Regression{Warp: w, Trend: i, trend: trend{p.Process, slope}})
			}
		}
	}
	for _, r := range list {
		r.standardise(quick)
		jacobian := r.jacobian(quick.Y)
		if r.Trend >= 0 {
			jacobian -= trendOdds(len(quick.Y)) - math.Log(float64(len(trendDeviations)*len(o.Trends)))
		}
		readings = append(readings, reading{r.Data.Y, jacobian})
	}
	starts := [][]float64{start(prior, d, 0), start(prior, d, -1), start(prior, d, 1)}
	theta, which, _ := fit(quick, readings, prior, starts, []int{15, 8, 8}, 1e-2)
	if theta == nil {
		return nil, ErrIllConditioned
	}
	best := list[which]
	if len(data.Y) > len(quick.Y) {
		best.standardise(data.part(fitPoints, o.Constraint))
		if t, _, _ := fit(best.Data, []reading{{y: best.Data.Y}}, prior, [][]float64{theta}, []int{12}, 1e-2); t != nil {
			theta = t
		}
	}
	best.standardise(data)
	h := hyper(theta, d)
	var err error
	for range 8 { // the process may need more noise than the part it was fitted on
		if best.Process, err = Condition(best.Data, h); err == nil {
			best.Process.trend = best.trend
			return best, nil
		}
		h.Noise = math.Max(10*h.Noise, 1e-8*h.Signal)
	}
	return nil, err
}

// warps are the candidates for observations y.
func warps(y []float64, o Options) []Warp {
	list := []Warp{{Kind: WarpNone}}
	sorted := slices.Sorted(slices.Values(y))
	if o.Constraint {
		for i, v := range sorted {
			sorted[i] = math.Abs(v)
		}
		slices.Sort(sorted)
		if spread := sorted[len(sorted)/2]; spread > 0 {
			list = append(list, Warp{Kind: WarpBilog, Scale: spread}, Warp{Kind: WarpBilog, Scale: 0.1 * spread})
		}
		return list
	}
	middle := sorted[len(sorted)/2]
	if o.Volumes {
		middle = math.Max(middle, o.Straight)
	}
	if spread := middle - sorted[0]; spread > 0 {
		for _, share := range []float64{1, 0.3} {
			list = append(list, Warp{Kind: WarpSoft, Low: middle, Scale: share * spread})
		}
		if o.Volumes {
			return list
		}
		for _, shift := range []float64{1, 0.1, 0.01} {
			list = append(list, Warp{Kind: WarpLog, Low: sorted[0], Scale: shift * spread})
		}
	}
	return list
}

// standardise takes data, warped, as the observations.
func (r *Regression) standardise(data Data) {
	t := make([]float64, len(data.Y))
	for i, y := range data.Y {
		t[i] = r.Warp.Forward(y)
	}
	if r.trend.of != nil {
		r.follow(t, data, r.trend)
		r.Data = Data{X: data.X, Y: t, Weight: data.Weight, Categorical: data.Categorical}
		return
	}
	r.Centre, r.Scale = stat.MeanStdDev(t, nil)
	if !(r.Scale > 0) {
		r.Scale = 1
	}
	for i := range t {
		t[i] = (t[i] - r.Centre) / r.Scale
	}
	r.Data = Data{X: data.X, Y: t, Weight: data.Weight, Categorical: data.Categorical}
}

// jacobian is -sum ln dt/dy.
func (r *Regression) jacobian(y []float64) float64 {
	sum := float64(len(y)) * math.Log(r.Scale)
	for _, v := range y {
		sum -= math.Log(r.Warp.Slope(v))
	}
	return sum
}

// To converts a value to the process's units.
func (r *Regression) To(y float64) float64 { return (r.Warp.Forward(y) - r.Centre) / r.Scale }

// From converts a value of the process to the observations' units.
func (r *Regression) From(t float64) float64 { return r.Warp.Inverse(r.Centre + r.Scale*t) }

// Spread is the standard deviation in the observations' units, to first order, of
// a value whose mean and standard deviation in the process's are mean and sd.
func (r *Regression) Spread(mean, sd float64) float64 {
	return sd * r.Scale / r.Warp.Slope(r.From(mean))
}

// part takes at most limit observations: half of them the lowest (for a
// constraint those nearest to 0), the rest evenly over the order.
func (d Data) part(limit int, constraint bool) Data {
	n := len(d.Y)
	if n <= limit {
		return d
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	rank := func(i int) float64 {
		if constraint {
			return math.Abs(d.Y[i])
		}
		return d.Y[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	taken := make([]bool, n)
	for _, i := range order[:limit/2] {
		taken[i] = true
	}
	var rest []int
	for i := range n {
		if !taken[i] {
			rest = append(rest, i)
		}
	}
	for i, want := 0, limit-limit/2; i < want; i++ {
		taken[rest[i*len(rest)/want]] = true
	}
	out := Data{Categorical: d.Categorical}
	for i := range n {
		if taken[i] {
			out.X, out.Y = append(out.X, d.X[i]), append(out.Y, d.Y[i])
			if d.Weight != nil {
				out.Weight = append(out.Weight, d.Weight[i])
			}
		}
	}
	return out
}
