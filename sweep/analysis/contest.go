package analysis

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/tailsweep/tailsweep/sweep"
)

// Contest says which settings cannot be told from the best one, given how much a
// result changes with the train seed alone.
//
//	y_ps = mu_p + beta_s + e_ps,   e ~ N(0, sigma^2)
//
// is the metric of setting p trained with seed s, less being better. Where the
// repeated settings leave minPaired degrees of freedom, the effects beta of the
// seeds are estimated by least squares with the settings' (results of one seed are
// paired, so that a lucky seed favours nobody); with less they count as noise,
// which errs towards "cannot be told apart". With residual variance s^2 on f
// degrees of freedom, setting p is level with the best, b, when
//
//	mu_p - mu_b <= d * se(mu_p - mu_b)
//
// and d is the one-sided 95 % point of Dunnett's distribution (see dunnett) for as
// many comparisons as there are settings but one. Then the settings that are level
// include the one that is truly best with a probability of at least 95 % (Gupta
// 1965, "On Some Multiple Decision (Selection and Ranking) Rules", Technometrics
// 7(2); Hsu 1984, "Constrained simultaneous confidence intervals for multiple
// comparisons with the best", Annals of Statistics 12(3)). A plain t of 1.96 would
// not do: the best of many was lucky (the winner's curse), and looks better than
// its equals. The distribution's correlation of 1/2 is exact where settings have
// equally many seeds; the noise is taken to be the same everywhere.
type Contest struct {
	Metric   string  `json:"metric"`
	Best     int     `json:"best"`     // number of the trial that stands for the best setting, by its mean over seeds
	Level    []int   `json:"level"`    // numbers of those that cannot be told from it, best first, itself left out
	Settings int     `json:"settings"` // that were compared
	Noise    float64 `json:"noise"`    // s: standard deviation of one trial, of the metric's unit
	Freedom  int     `json:"freedom"`  // f; 0 when no setting has two seeds, and then Level says nothing
	Paired   bool    `json:"paired"`   // seed effects are removed
	Critical float64 `json:"critical"` // d
}

// minPaired is how many degrees of freedom must be left for seed effects to be
// removed: below, Dunnett's and Student's points grow faster than pairing helps.
const minPaired = 4

// confidence is that the settings level with the best include the true best.
const confidence = 0.95

// NewContest compares all settings that are as feasible as the best with it. ok is
// false when no trial has the metric ("" means the spec's first). All settings
// with several seeds tell about the noise, feasible or not, the baseline too.
func NewContest(spec *sweep.Spec, trials []sweep.Trial, metric string) (c Contest, ok bool) {
	points := Configurations(spec, trials, metric)
	if len(points) == 0 {
		return Contest{}, false
	}
	o := ordering(spec, metric)[0]
	c = Contest{Metric: o.Name, Best: points[0].Mean.Number, Level: []int{}}
	for _, p := range points {
		if p.Feasibility == points[0].Feasibility {
			c.Settings++
		}
	}
	fit := fitSeeds(points, o)
	c.Freedom, c.Noise, c.Paired = fit.freedom, fit.noise, fit.normal != nil
	if c.Freedom == 0 {
		return c, true
	}
	if c.Settings > 1 {
		c.Critical = dunnett(c.Settings-1, float64(c.Freedom), confidence)
	}
	for i, p := range points[:c.Settings] {
		if difference, se := fit.difference(i, 0); i > 0 && difference <= c.Critical*se {
			c.Level = append(c.Level, p.Mean.Number)
		}
	}
	return c, true
}

// seedFit is the model of Contest, fitted.
type seedFit struct {
	mean    []float64       // mu, by point
	share   []*mat.VecDense // of a point's trials that had each seed
	trials  []float64       // by point
	normal  *mat.Cholesky   // the seeds' normal matrix; nil where their effects are not removed
	noise   float64
	freedom int
}

// worstCondition is the largest condition number of a normal matrix that is
// believed; one of seeds that no chain of settings compares is singular.
const worstCondition = 1e8

// fitSeeds fits the points' means and, where that can be done, the seeds' effects:
// with the effects' normal equations L beta = r, where
//
//	L = sum over p of diag(c_p) - c_p c_p' / n_p,   r_s = sum over p of y_ps - mean_p
//
// c_p being the trials of p with each seed. A constant may move from the seeds to
// the points; the matrix of ones, added to L, makes the effects sum to 0.
func fitSeeds(points []Configuration, o sweep.Objective) seedFit {
	values, seeds := observations(points, o)
	fit := fitPoints(values, len(points), len(seeds))
	freedom := fit.freedom - (len(seeds) - 1)
	if freedom < minPaired || len(seeds) < 2 {
		return fit
	}
	normal, right := mat.NewSymDense(len(seeds), nil), mat.NewVecDense(len(seeds), nil)
	for _, v := range values {
		right.SetVec(v.seed, right.AtVec(v.seed)+v.value-fit.mean[v.point])
		normal.SetSym(v.seed, v.seed, normal.At(v.seed, v.seed)+1)
	}
	for p, share := range fit.share {
		normal.SymRankOne(normal, -fit.trials[p], share)
	}
	ones := mat.NewVecDense(len(seeds), slices.Repeat([]float64{1}, len(seeds)))
	normal.SymRankOne(normal, 1/float64(len(seeds)), ones)
	var factor mat.Cholesky
	if !factor.Factorize(normal) || factor.Cond() > worstCondition {
		return fit
	}
	var effect mat.VecDense
	if err := factor.SolveVecTo(&effect, right); err != nil {
		return fit
	}
	for p, share := range fit.share {
		fit.mean[p] -= mat.Dot(share, &effect)
	}
	squares := 0.0
	for _, v := range values {
		residual := v.value - fit.mean[v.point] - effect.AtVec(v.seed)
		squares += residual * residual
	}
	fit.normal, fit.freedom, fit.noise = &factor, freedom, math.Sqrt(squares/float64(freedom))
	return fit
}

// observation is one trial's value; less is better.
type observation struct {
	point, seed int
	value       float64
}

// observations numbers the seeds by their first occurrence.
func observations(points []Configuration, o sweep.Objective) (values []observation, seeds []int64) {
	for i, p := range points {
		for _, t := range p.Trials {
			s := slices.Index(seeds, t.Seed)
			if s < 0 {
				s = len(seeds)
				seeds = append(seeds, t.Seed)
			}
			f, _ := t.Metric(o.Name)
			values = append(values, observation{i, s, o.Cost(f)})
		}
	}
	return values, seeds
}

// fitPoints pools the variance within points.
func fitPoints(values []observation, points, seeds int) seedFit {
	fit := seedFit{mean: make([]float64, points), share: make([]*mat.VecDense, points), trials: make([]float64, points)}
	for p := range fit.share {
		fit.share[p] = mat.NewVecDense(seeds, nil)
	}
	squares := 0.0
	for _, v := range values { // means and squares as they grow (Welford 1962)
		fit.trials[v.point]++
		delta := v.value - fit.mean[v.point]
		fit.mean[v.point] += delta / fit.trials[v.point]
		squares += delta * (v.value - fit.mean[v.point])
		share := fit.share[v.point]
		share.SetVec(v.seed, share.AtVec(v.seed)+1)
	}
	for p, share := range fit.share {
		share.ScaleVec(1/fit.trials[p], share)
	}
	if fit.freedom = len(values) - points; fit.freedom > 0 {
		fit.noise = math.Sqrt(squares / float64(fit.freedom))
	}
	return fit
}

// difference is mu_p - mu_b and its standard error,
//
//	s^2 (1/n_p + 1/n_b + (m_p - m_b)' L^-1 (m_p - m_b))
//
// under the root, with the shares m of each seed in a point's trials and the
// seeds' normal matrix L. The last term, absent where seed effects are not
// removed, is 0 for points with the same seeds.
func (f seedFit) difference(p, b int) (difference, se float64) {
	variance := 1/f.trials[p] + 1/f.trials[b]
	if f.normal != nil {
		var m, solved mat.VecDense
		m.SubVec(f.share[p], f.share[b])
		if err := f.normal.SolveVecTo(&solved, &m); err == nil { // nil: fitSeeds saw to the condition
			variance += mat.Dot(&m, &solved)
		}
	}
	return f.mean[p] - f.mean[b], f.noise * math.Sqrt(variance)
}
