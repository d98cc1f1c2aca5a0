package sampler

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/internal/text"
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

func (m bayes) Suggest(r Request) (sweep.Params, sweep.Reason, error) { return advised(r, m.suggest) }

func (bayes) suggest(c *call) (sweep.Params, sweep.Reason, error) {
	n, first := len(c.known().x), start(c.Spec, len(c.cube.Order))
	if n < first && len(c.learned.trusted) == 0 {
		return c.first(fmt.Sprintf("%d of the first %d results", n, first))
	}
	return c.byModel()
}

// byModel suggests the point of the highest acquisition.
func (c *call) byModel() (sweep.Params, sweep.Reason, error) {
	m, err := c.model()
	if err != nil {
		return c.random("no model, " + err.Error() + ": random")
	}
	a, elite, err := m.acquisition(c.rng, c.Request, c.cube)
	if err != nil {
		return c.random("no acquisition, " + err.Error() + ": random")
	}
	for _, best := range a.maximise(c.rng, c.cube, elite) {
		params := c.cube.Params(best.u)
		if math.IsInf(best.value, -1) || c.tried(params) {
			continue
		}
		m.explain(&c.reason, c.Request, c.cube, best)
		if len(m.means) > 0 {
			c.reason.Note = "mean of " + text.List(m.means, len(m.means))
		}
		if len(m.near) > 0 {
			c.reason.Note = notes(c.reason.Note, "lengthscales near those of "+text.List(m.near, len(m.near)))
		}
		return params, c.reason, nil
	}
	return c.random("every candidate was tried: random")
}

// learned is what a method takes from the ledger and from earlier sweeps. It does not
// depend on pending trials, so that the suggestions of a batch share it.
type learned struct {
	training *training // nil before its first use

	tested  bool
	experts []expert // earlier sweeps of another training, the trusted ones first
	trusted []expert // of these the ones that the results agree with
	advice  []string // for the reason: what came of each

	fitted bool
	model  *model
	err    error // of the fit
}

// known is the training data.
func (c *call) known() *training {
	if c.learned.training == nil {
		t := newTraining(c.Request, c.cube)
		c.learned.training = &t
	}
	return c.learned.training
}

// model returns the fitted model. Of combined objectives each suggestion has its own,
// since it draws their weights.
func (c *call) model() (*model, error) {
	l := c.learned
	if !l.fitted || len(c.Spec.Metrics) > maxVolumes {
		l.model, l.err = newModel(c.rng, c.Request, c.cube, *c.known(), l.trusted, l.experts)
		l.fitted = true
	}
	return l.model, l.err
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
		reason.Posterior[metric.Name] = sweep.Estimate{Mean: metric.Cost(o.From(mean)), StdDev: o.Spread(mean, sd)}
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
