package sampler

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// bayesStart is the least number of results before the model is used.
const bayesStart = 4

// start is the number of results, of points of a Sobol sequence, before the model is
// used: 4 where trials are few, and more, up to three a parameter, where
// budget.run_cap leaves time to explore first. With 20 instead of 4 of a hundred
// trials, 25 instead of 18 of 30 runs found the deeper one of hartmann6's two basins;
// of fifty trials 20 are too many (docs/decisions/2026-11-26-search.md).
func start(spec *sweep.Spec, parameters int) int {
	n := (spec.Budget.RunCap - 40) / 3
	if len(spec.Metrics) > 1 {
		n = spec.Budget.RunCap / 5
	}
	return max(min(n, 3*parameters), bayesStart)
}

// bayes is Gaussian-process search: a process for each objective and each constraint
// (model), and the point of the highest acquisition. Until start points have results
// it follows the Sobol sequence.
//
// newTraining says how outcomes become training data. Pending trials are neither
// ignored nor guessed: the acquisition is the mean over joint draws of their results.
type bayes struct{}

func (bayes) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	rng, seen, s := randomOf(r), tried(r), space.NewCube(r.Spec)
	reason := sweep.Reason{Sampler: string(sweep.MethodBayes)}
	t := newTraining(r, s)
	if first := start(r.Spec, len(s.Order)); len(t.x) < first {
		reason.Note = fmt.Sprintf("%d of the first %d results: a point of the Sobol sequence", len(t.x), first)
		params, err := spreadUntried(s, r, seen)
		return params, reason, err
	}
	instead := func(note string) (sweep.Params, sweep.Reason, error) {
		reason.Note = note + ": random"
		params, err := untried(s, rng, seen)
		return params, reason, err
	}
	m, err := newModel(rng, r, s, t)
	if err != nil {
		return instead("no model, " + err.Error())
	}
	a, elite, err := m.acquisition(rng, r, s)
	if err != nil {
		return instead("no acquisition, " + err.Error())
	}
	for _, c := range a.maximise(rng, s, elite) {
		params := s.Params(c.u)
		if math.IsInf(c.value, -1) || seen[params.Key()] {
			continue
		}
		m.explain(&reason, r, s, c)
		return params, reason, nil
	}
	return instead("every candidate was tried")
}

// explain records why c was chosen.
func (m *model) explain(reason *sweep.Reason, r Request, s *space.Cube, c candidate) {
	reason.Acquisition = c.value
	reason.Posterior, reason.Hyper = make(map[string]sweep.Estimate), make(map[string]float64)
	if len(m.objectives) < len(r.Spec.Metrics) {
		reason.Note = fmt.Sprintf("%d objectives combined by random weights", len(r.Spec.Metrics))
		return
	}
	for k, o := range m.objectives {
		metric := r.Spec.Metrics[k]
		mean, sd := o.Posterior(c.u)
		e := sweep.Estimate{Mean: o.From(mean), StdDev: o.Spread(mean, sd)}
		if metric.Goal == sweep.Maximize {
			e.Mean = -e.Mean
		}
		reason.Posterior[metric.Name] = e
		prefix := ""
		if len(m.objectives) > 1 {
			prefix = metric.Name + "."
		}
		h := o.Hyper
		reason.Hyper[prefix+"signal"], reason.Hyper[prefix+"noise"], reason.Hyper[prefix+"additive"] = h.Signal, h.Noise, h.Additive
		for i, p := range s.Order {
			reason.Hyper[prefix+"length."+p.Name] = h.Length[i]
		}
	}
	if len(m.constraints) > 0 {
		feasible := m.chance(c.u)
		reason.Feasible = &feasible
	}
}
