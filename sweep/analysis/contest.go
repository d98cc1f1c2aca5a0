package analysis

import (
	"github.com/tailsweep/tailsweep/sweep"
)

// Contest says which configurations cannot be told from the best one, given how much
// a result changes with the train seed alone. With the means mu and the standard
// errors of Noise, on f degrees of freedom, configuration p is level with the best, b,
// when
//
//	mu_p - mu_b <= d * se(mu_p - mu_b)
//
// less being better. d is the one-sided 95 % point of Dunnett's distribution (see
// dunnett) for as many comparisons as there are configurations but one. Then the
// configurations that are level include the one that is truly best with a
// probability of about 95 % (Gupta 1965, "On Some Multiple Decision (Selection and
// Ranking) Rules", Technometrics 7(2); Hsu 1984, "Constrained simultaneous confidence
// intervals for multiple comparisons with the best", Annals of Statistics 12(3)). A
// plain t of 1.96 would not do: the best of many was lucky (the winner's curse), and
// looks better than its equals. The distribution's correlation of 1/2 is exact where
// configurations have equally many seeds.
type Contest struct {
	Metric   string  `json:"metric"`
	Best     int     `json:"best"`     // number of the trial that stands for the best configuration, by its mean over seeds
	Level    []int   `json:"level"`    // numbers of those that cannot be told from it, best first, itself left out
	Settings int     `json:"settings"` // configurations that were compared
	Noise    float64 `json:"noise"`    // standard deviation of one trial, of the metric's unit
	Freedom  int     `json:"freedom"`  // f; 0 when no configuration has two seeds, and then Level says nothing
	Paired   bool    `json:"paired"`   // seed effects are removed
	Critical float64 `json:"critical"` // d
}

// confidence is that the configurations level with the best include the true best.
const confidence = 0.95

// NewContest compares all configurations that are as feasible as the best with it. ok
// is false when no trial has the metric ("" means the spec's first). All trials tell
// about the noise, feasible or not, the baseline's too.
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
	noise := NewNoise(trials, o.Name)
	c.Freedom, c.Noise, c.Paired = noise.DF, noise.StdDev, noise.SeedStdDev > 0
	if c.Freedom == 0 {
		return c, true
	}
	if c.Settings > 1 {
		c.Critical = dunnett(c.Settings-1, float64(c.Freedom), confidence)
	}
	best := points[0].Mean.Params.Key()
	for _, p := range points[1:c.Settings] {
		if d, _ := noise.Difference(p.Mean.Params.Key(), best); o.Cost(d.Mean) <= c.Critical*d.StdDev {
			c.Level = append(c.Level, p.Mean.Number)
		}
	}
	return c, true
}
