package analysis

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Front is a Pareto front and its summary.
type Front struct {
	Trials      []sweep.Trial      `json:"trials"`                   // as Pareto orders them
	Knee        *int               `json:"knee,omitempty"`           // number of the trial at the front's knee; see Knee
	Hypervolume *float64           `json:"hypervolume,omitempty"`    // between the front and Reference, in the product of the metrics' units
	NoVolume    string             `json:"no_hypervolume,omitempty"` // why there is none
	Reference   map[string]float64 `json:"reference,omitempty"`      // by metric; see ReferencePoint
}

// Pareto returns the completed trials that no other dominates, that is, for which no
// other is at least as good in every metric of the spec and better in one. Trials without a finite value of
// each metric take no part. Under constraints infeasible trials take no part either,
// unless all are infeasible, and an undecided trial does not remove a feasible one:
// both are on the front. Where the spec asks for repeats a configuration counts by its
// means over seeds, and its first trial stands for it. The order is Rank's.
func Pareto(spec *sweep.Spec, trials []sweep.Trial) []sweep.Trial {
	var front []sweep.Trial
	for _, p := range frontOf(spec, trials) {
		front = append(front, p.Trials[0])
	}
	return front
}

// NewFront is Pareto's front and its summary. The hypervolume and the knee are those
// of its feasible trials, by their means. With a nil reference it takes
// ReferencePoint. A front without a feasible trial has no hypervolume, but the reason.
func NewFront(spec *sweep.Spec, trials []sweep.Trial, reference []float64) Front {
	points := frontOf(spec, trials)
	var f Front
	var sure []Configuration
	counts := map[Feasibility]int{}
	for _, p := range points {
		f.Trials = append(f.Trials, p.Trials[0])
		counts[p.Feasibility]++
		if p.Feasibility == "" || p.Feasibility == Feasible {
			sure = append(sure, p)
		}
	}
	costs := costs(spec, sure)
	if i, ok := Knee(costs); ok {
		f.Knee = &sure[i].Mean.Number
	}
	if reference == nil {
		reference = ReferencePoint(spec, trials)
	}
	switch {
	case len(points) == 0:
		f.NoVolume = "no completed trial has a value of each metric"
	case len(sure) == 0 && counts[Undecided] > 0:
		f.NoVolume = "no trial of the front is known to be feasible: the constraints are undecided"
	case len(sure) == 0:
		f.NoVolume = "no trial is feasible"
	}
	if f.NoVolume != "" {
		return f
	}
	f.Reference = map[string]float64{}
	corner := make([]float64, len(spec.Metrics))
	for k, o := range spec.Metrics {
		f.Reference[o.Name] = reference[k]
		corner[k] = o.Cost(reference[k])
	}
	f.Hypervolume = new(Hypervolume(costs, corner))
	return f
}

// referenceMargin is the distance of the reference point from the worst values of the
// front, as a share of the front's range.
const referenceMargin = 0.1

// ReferencePoint is the corner from which a report measures the hypervolume of a
// front, in the order of the spec's metrics. In each metric it is a tenth of the range
// of the front and the baseline's mean beyond the worst of these, so that the ends of
// the front have a volume, too (Ishibuchi, Imada, Setoguchi and Nojima 2018, "How to
// Specify a Reference Point in Hypervolume Calculation for Fair Performance
// Comparison", EC 26(3); the baseline is our addition: a front of one trial that beats
// the baseline then has a volume). A range of 0 counts as the value's size, or 1 where
// that is 0, too. Hypervolumes of two sweeps are only comparable when they are
// measured from the same point. It is nil without a front.
func ReferencePoint(spec *sweep.Spec, trials []sweep.Trial) []float64 {
	points := frontOf(spec, trials)
	if len(points) == 0 {
		return nil
	}
	baseline := baselineOf(trials)
	reference := make([]float64, len(spec.Metrics))
	costs := costs(spec, points)
	for k, o := range spec.Metrics {
		low, high := math.Inf(1), math.Inf(-1)
		for _, c := range costs {
			low, high = min(low, c[k]), max(high, c[k])
		}
		if mean, n := meanOf(baseline, o.Name); n > 0 {
			low, high = min(low, o.Cost(mean)), max(high, o.Cost(mean))
		}
		size := high - low
		if size == 0 {
			size = math.Abs(high)
		}
		if size == 0 {
			size = 1
		}
		reference[k] = o.Cost(high + referenceMargin*size)
	}
	return reference
}

// frontOf returns the configurations of the front, in Rank's order.
func frontOf(spec *sweep.Spec, trials []sweep.Trial) []Configuration {
	ranked := slices.DeleteFunc(rank(spec, places(spec, trials, ""), trials, ""), func(p Configuration) bool {
		return slices.ContainsFunc(spec.Metrics, func(o sweep.Objective) bool {
			_, ok := p.Mean.Metric(o.Name)
			return !ok
		})
	})
	feasible := slices.IndexFunc(ranked, func(p Configuration) bool { return p.Feasibility.Class() > Feasible.Class() })
	if feasible < 0 {
		feasible = len(ranked)
	}
	possible := slices.IndexFunc(ranked, func(p Configuration) bool { return p.Feasibility == Infeasible })
	if possible <= 0 {
		possible = len(ranked)
	}
	costs := costs(spec, ranked)
	front := NonDominated(costs[:feasible])
	// An undecided one stays unless a feasible or an undecided one dominates it.
	for _, i := range NonDominated(costs[:possible]) {
		if i >= feasible {
			front = append(front, i)
		}
	}
	return pick(ranked, front)
}

// costs are the configurations' means of each metric; lower is better.
func costs(s *sweep.Spec, points []Configuration) [][]float64 {
	costs := make([][]float64, len(points))
	for i, p := range points {
		costs[i] = make([]float64, len(s.Metrics))
		for k, o := range s.Metrics {
			value, _ := p.Mean.Metric(o.Name)
			costs[i][k] = o.Cost(value)
		}
	}
	return costs
}
