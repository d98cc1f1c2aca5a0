package analysis

import (
	"github.com/tailsweep/tailsweep/sweep"
)

// Contest says which configurations are not distinguishable from the best one, given
// how much a result changes with the train seed alone. With the means mu and the
// standard errors of Noise, on f degrees of freedom, configuration p is level with the
// best, b, when
//
//	mu_p - mu_b <= d * se(mu_p - mu_b)
//
// lower being better. d is the one-sided 95 % point of Dunnett's distribution (see
// dunnett) for as many comparisons as there are configurations but one. The level
// configurations and the best one then include the truly best one with a probability
// of about 95 % (Gupta 1965, "On Some Multiple Decision (Selection and Ranking)
// Rules", Technometrics 7(2); Hsu 1984, "Constrained simultaneous confidence intervals
// for multiple comparisons with the best", Annals of Statistics 12(3)). A plain t of
// 1.96 is not enough: the best of many was lucky (the winner's curse) and looks better
// than its equals. The distribution's correlation of 1/2 is exact where configurations
// have equally many seeds.
type Contest struct {
	Metric         string  `json:"metric"`
	Best           int     `json:"best"`           // number of the first trial of the best configuration, by its mean over seeds
	Level          []int   `json:"level"`          // numbers of the first trials of those that are not distinguishable from it, best first, without itself
	Configurations int     `json:"configurations"` // compared
	Noise          float64 `json:"noise"`          // standard deviation of one trial, of the metric's unit
	Freedom        int     `json:"freedom"`        // f; 0 when no configuration has two seeds: then Level is empty
	Paired         bool    `json:"paired"`         // seed effects are removed
	Critical       float64 `json:"critical"`       // d
}

// confidence is the probability that the level configurations and the best one include
// the truly best one.
const confidence = 0.95

// NewContest compares the best configuration with all that are as feasible. ok is
// false when no trial has the metric ("" means the spec's first). The noise is
// estimated from all trials, infeasible ones and the baseline's included.
func NewContest(spec *sweep.Spec, trials []sweep.Trial, metric string) (c Contest, ok bool) {
	points := Configurations(spec, trials, metric)
	if len(points) == 0 {
		return Contest{}, false
	}
	o := ordering(spec, metric)[0]
	c = Contest{Metric: o.Name, Best: points[0].Mean.Number, Level: []int{}}
	for _, p := range points {
		if p.Feasibility == points[0].Feasibility {
			c.Configurations++
		}
	}
	noise := NewNoise(trials, o.Name)
	c.Freedom, c.Noise, c.Paired = noise.DF, noise.StdDev, noise.SeedStdDev > 0
	if c.Freedom == 0 {
		return c, true
	}
	if c.Configurations > 1 {
		c.Critical = dunnett(c.Configurations-1, float64(c.Freedom), confidence)
	}
	best := points[0].Mean.Params.Key()
	for _, p := range points[1:c.Configurations] {
		if d, _ := noise.Difference(p.Mean.Params.Key(), best); o.Cost(d.Mean) <= c.Critical*d.StdDev {
			c.Level = append(c.Level, p.Mean.Number)
		}
	}
	return c, true
}
