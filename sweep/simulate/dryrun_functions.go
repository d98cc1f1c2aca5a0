package simulate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// landscape is an objective fitted to a spec.
type landscape struct {
	metrics []sweep.Objective                     // in a fixed order
	size    map[string]float64                    // of the improvement by training, by name
	unit    map[string]float64                    // of Noise, by name
	final   func(sweep.Params) map[string]float64 // without noise
}

// ErrObjective is the error for an objective that is unknown, or does not fit the spec.
var ErrObjective = errors.New("objective")

// LossWeights is the objective that behaves like this project's sweeps.
const LossWeights = "lossweights"

// Generic objectives are functions of a spec's unit coordinates, whatever its
// parameters are. Metric m is
//
//	f_m(u) = f(width (u - o_m) + at) + scale sum_c offset_m,c
//
// with f a test function whose minimum is 0 and lies at `at` in each coordinate,
// o_m uniform in [.2, .8]^d and the offsets of a categorical parameter's choices
// uniform in [0, 1], the best of them 0; both are fixed by the names of objective,
// metric and parameter. The least that a metric can be is 0. A parameter that is
// absent stands at u = .5, and one that an edit adds has no effect. A metric that is maximised is -f_m.
type generic struct {
	name             string
	width, at, scale float64
	f                func(z []float64) float64
}

var generics = []generic{
	{"sphere", 10, 0, 10, func(z []float64) float64 { return sum(len(z), func(i int) float64 { return z[i] * z[i] }) }},
	{"ackley", 65.536, 0, 5, Ackley},
	{"rastrigin", 10.24, 0, 10, Rastrigin},
	{"levy", 20, 1, 10, Levy},
	{"rosenbrock", 6, 1, 100, func(z []float64) float64 {
		if len(z) == 1 {
			z = append(z, 1) // the valley's other coordinate, at its best
		}
		return Rosenbrock(z)
	}},
}

// Objectives lists the functions that a dry run takes.
func Objectives() []string {
	names := []string{LossWeights}
	for _, g := range generics {
		names = append(names, g.name)
	}
	return names
}

// newLandscape finds an objective and fits it to a spec: to its parameters, and to its
// metrics and those of the specs that edits put in its place. A training measures those
// before the edit, too.
func newLandscape(spec *sweep.Spec, objective string, edits ...*sweep.Spec) (landscape, error) {
	if objective == LossWeights {
		if !slices.ContainsFunc(spec.Parameters, func(p sweep.Parameter) bool {
			return p.Name == sweep.ParamInfonceWeight || p.Name == sweep.ParamAlignmentWeight
		}) {
			return landscape{}, fmt.Errorf("%w %s is a function of infonce.weight and alignment.weight, and the spec searches neither (valid for it: %s)",
				ErrObjective, LossWeights, strings.Join(Objectives()[1:], ", "))
		}
		return newLossWeights(), nil
	}
	for _, g := range generics {
		if g.name == objective {
			return g.landscape(spec, edits), nil
		}
	}
	return landscape{}, fmt.Errorf("%w %q is unknown (valid: %s)", ErrObjective, objective, strings.Join(Objectives(), ", "))
}

func (g generic) landscape(spec *sweep.Spec, edits []*sweep.Spec) landscape {
	l := landscape{metrics: measured(append([]*sweep.Spec{spec}, edits...)), size: make(map[string]float64), unit: make(map[string]float64)}
	for _, m := range l.metrics {
		l.size[m.Name], l.unit[m.Name] = g.scale, 1
	}
	l.final = g.values(spec, l.metrics)
	return l
}

// values is f_m for each metric.
func (g generic) values(spec *sweep.Spec, metrics []sweep.Objective) func(sweep.Params) map[string]float64 {
	order := slices.Clone(spec.Parameters)
	slices.SortFunc(order, func(a, b sweep.Parameter) int { return strings.Compare(a.Name, b.Name) })
	fixed := make([][][]float64, len(metrics)) // by metric and parameter: the optimum, or an offset for each choice
	for i, m := range metrics {
		for _, p := range order {
			rng := generator(g.name + "/" + m.Name + "/" + p.Name)
			list := []float64{0}
			if p.Distribution == sweep.DistCategorical {
				list = offsets(rng, len(p.Values))
			} else {
				list[0] = 0.2 + 0.6*rng.Float64()
			}
			fixed[i] = append(fixed[i], list)
		}
	}
	return func(params sweep.Params) map[string]float64 {
		u := space.Encode(spec, params)
		values := make(map[string]float64, len(metrics))
		for i, m := range metrics {
			var z []float64
			total := 0.0
			for k, p := range order {
				at, set := u[p.Name]
				if !set {
					at = 0.5
				}
				list := fixed[i][k]
				switch p.Distribution {
				case sweep.DistConstant:
				case sweep.DistCategorical:
					total += g.scale * list[min(int(at*float64(len(list))), len(list)-1)]
				default:
					z = append(z, g.width*(at-list[0])+g.at)
				}
			}
			if len(z) > 0 {
				total += g.f(z)
			}
			values[m.Name] = m.Cost(total)
		}
		return values
	}
}

// offsets are n numbers of [0, 1) less the least of them.
func offsets(rng *rand.Rand, n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = rng.Float64()
	}
	floats.AddConst(-slices.Min(list), list)
	return list
}

// measured are the metrics that specs use, each once, with the goal of the first spec that
// optimises it.
func measured(specs []*sweep.Spec) []sweep.Objective {
	var metrics []sweep.Objective
	add := func(o sweep.Objective) {
		if !slices.ContainsFunc(metrics, func(known sweep.Objective) bool { return known.Name == o.Name }) {
			metrics = append(metrics, o)
		}
	}
	for _, spec := range specs {
		for _, o := range spec.Metrics {
			add(o)
		}
	}
	for _, spec := range specs {
		for _, m := range spec.RequiredMetrics() {
			add(sweep.Objective{Name: m.Metric, Goal: spec.Goal(m.Metric)})
		}
	}
	return metrics
}

// newLossWeights is the model of this project's sweeps (see FIDs), for
// all metrics.
func newLossWeights() landscape {
	l := landscape{size: make(map[string]float64), unit: make(map[string]float64), final: lossWeights}
	plain := lossWeights(nil)
	for _, m := range sweep.MetricList() {
		l.metrics = append(l.metrics, sweep.Objective{Name: m.Name, Goal: m.Goal})
		size, unit := 0.4, 0.01 // ratios and losses differ by hundredths where FIDs differ by ones
		switch {
		case strings.HasPrefix(m.Name, sweep.FamilyFID+"."):
			size, unit = plain[m.Name]*2/3, 1
		case m.Name == sweep.MetricStepsPerSecond:
			size, unit = 0, 0
		}
		l.size[m.Name], l.unit[m.Name] = size, unit
	}
	return l
}

// lossWeights returns the metrics of a configuration: medium lies between tail and head,
// ratios fall as FID rises, speed is constant. Parameters that FIDs does not use have no
// effect.
func lossWeights(params sweep.Params) map[string]float64 {
	known := make(sweep.Params, len(params)+1)
	maps.Copy(known, params)
	if _, set := known[sweep.ParamInfonceTemperature]; !set {
		info, _ := sweep.LookupParameter(sweep.ParamInfonceTemperature)
		known[sweep.ParamInfonceTemperature] = info.Default
	}
	tail, head := FIDs(known)
	middle := (tail + head) / 2
	values := map[string]float64{sweep.MetricLoss: 0.05 + 0.001*head, sweep.MetricStepsPerSecond: 20}
	for group, fid := range map[string]float64{
		sweep.GroupTail: tail, sweep.GroupMedium: middle, sweep.GroupHead: head, sweep.GroupAll: (head + middle) / 2,
	} {
		values[sweep.FamilyFID+"."+group] = fid
		for _, m := range sweep.MetricList() {
			family, of, _ := strings.Cut(m.Name, ".")
			switch {
			case of != group || family == sweep.FamilyFID:
			case family == sweep.FamilyKID:
				values[m.Name] = fid / 1000
			case m.Goal == sweep.Maximize:
				values[m.Name] = 1 / (1 + math.Exp((fid-60)/20))
			default:
				values[m.Name] = 0
			}
		}
	}
	return values
}
