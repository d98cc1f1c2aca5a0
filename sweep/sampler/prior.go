package sampler

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/gp"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Source is an earlier sweep that a search learns from.
//
// The results of the same training (Same) are observations as the new sweep's own. They
// are not in the ledger, though: they neither use up run_cap nor get repeats, and a
// configuration is suggested again unless it was trained with Train.Seed.
//
// Those of another training are a prior, which new results test and outweigh (see
// advised); grid, random and sobol ignore it.
//
// Package cmd/tailsweep/internal/earlier finds the sweeps of --from, and activities read
// their ledgers; what a search makes of them is decided here.
type Source struct {
	Sweep  string        `json:"sweep"`
	Same   bool          `json:"same"`
	Trials []sweep.Trial `json:"trials"`

	fitted *fitted // shared by the copies of a source of NewSource
}

// fitted remembers what follows from a source for a spec.
type fitted struct {
	mu    sync.Mutex
	key   string
	prior *prior
}

// NewSource returns an earlier sweep as a source for a search of spec. It has the trials
// whose outcomes the methods learn from (see observations) and whose configurations, with
// what was fixed in the earlier sweep, are of spec's space; of another training also the
// baseline's, for its own limits.
func NewSource(spec, earlier *sweep.Spec, trials []sweep.Trial) Source {
	s := Source{Sweep: earlier.Name, Same: len(DifferentTraining(spec, earlier)) == 0, fitted: new(fitted)}
	fitter := space.NewFitter(spec)
	for _, t := range trials {
		baseline := t.Kind == sweep.KindBaseline
		switch {
		case t.Status == sweep.StatusFailed && t.Error != nil && t.Error.Class == sweep.FailOutOfMemory:
		case t.Status == sweep.StatusFailed, t.Status == sweep.StatusCancelled:
			continue
		}
		t.Kind = sweep.KindSearch
		asTrained := t.Assignment
		asTrained.Params = maps.Clone(t.Params)
		for _, p := range spec.Parameters {
			if _, set := t.Params[p.Name]; set {
				continue
			}
			if v, has := earlier.FixedValue(p.Name); has {
				if asTrained.Params == nil {
					asTrained.Params = make(sweep.Params)
				}
				asTrained.Params[p.Name] = v
			}
		}
		params, ok, _ := fitter.Fit(asTrained)
		if ok {
			t.Params = params
		}
		if baseline && !s.Same {
			t.Kind = sweep.KindBaseline
		}
		if ok || t.Kind == sweep.KindBaseline {
			s.Trials = append(s.Trials, t)
		}
	}
	return s
}

// Sources returns the earlier sweeps that a spec names. load returns the spec and the
// trials of one.
func Sources(spec *sweep.Spec, load func(sweep.Earlier) (*sweep.Spec, []sweep.Trial, error)) ([]Source, error) {
	var list []Source
	for _, e := range spec.From {
		earlier, trials, err := load(e)
		if err != nil {
			return nil, fmt.Errorf("from: sweep %s: %w", e.Sweep, err)
		}
		list = append(list, NewSource(spec, earlier, trials))
	}
	return list, nil
}

// DifferentTraining returns the fields because of which the results of two specs' trials
// are not comparable, none where the training is the same. metrics is one of them where
// guidance scales are chosen by different metrics.
func DifferentTraining(a, b *sweep.Spec) (fields []string) {
	for _, part := range []struct {
		field string
		of    func(*sweep.Spec) any
	}{
		{"dataset", func(s *sweep.Spec) any { return s.Dataset }},
		{"model", func(s *sweep.Spec) any { return s.Model }},
		{"train", func(s *sweep.Spec) any { return s.Train }},
		{"evaluate", func(s *sweep.Spec) any { return s.Evaluate }},
		{"trainer", func(s *sweep.Spec) any { return s.Trainer }},
	} {
		if !reflect.DeepEqual(part.of(a), part.of(b)) {
			fields = append(fields, part.field)
		}
	}
	if len(a.Evaluate.Guidance) > 1 && a.GuidanceObjective() != b.GuidanceObjective() {
		fields = append(fields, "metrics")
	}
	return fields
}

// Fits returns how many of the source's trials a search of spec learns from: those of its
// space, with the metrics that the source has measured.
func (s Source) Fits(spec *sweep.Spec) int {
	of := s.measured(spec)
	if len(of.Metrics) == 0 {
		return 0
	}
	return len(observations(Request{Spec: of, Ledger: s.Trials}, space.NewCube(spec)))
}

// Metrics returns the names of spec's metrics that the source has measured.
func (s Source) Metrics(spec *sweep.Spec) (names []string) {
	for _, o := range s.measured(spec).Metrics {
		names = append(names, o.Name)
	}
	return names
}

// measured returns spec without the metrics and constraints that the source's trials have
// no values of.
func (s Source) measured(spec *sweep.Spec) *sweep.Spec {
	missing := func(metric string) bool {
		return metric != "" && !slices.ContainsFunc(s.Trials, func(t sweep.Trial) bool {
			_, has := t.Metric(metric)
			return has
		})
	}
	of := *spec
	of.Metrics = slices.DeleteFunc(slices.Clone(spec.Metrics), func(o sweep.Objective) bool { return missing(o.Name) })
	of.Constraints = slices.DeleteFunc(slices.Clone(spec.Constraints), func(c sweep.Constraint) bool { return missing(c.Metric) || missing(c.Baseline) })
	return &of
}

// joined returns the request with the results of the same training before those of the
// ledger. Their numbers are negative. A trial that the ledger has, too, as the baseline's
// may be, is left out.
func joined(r Request) Request {
	var earlier []sweep.Trial
	type run struct {
		key  string
		seed int64
	}
	var own map[run]bool
	for _, s := range r.Prior {
		if !s.Same || len(s.Trials) == 0 {
			continue
		}
		if own == nil {
			own = make(map[run]bool)
			for _, t := range r.Ledger {
				own[run{t.Params.Key(), t.Seed}] = true
			}
		}
		for _, t := range s.Trials {
			if at := (run{t.Params.Key(), t.Seed}); !own[at] {
				own[at] = true
				earlier = append(earlier, t)
			}
		}
	}
	if len(earlier) == 0 {
		return r
	}
	for i := range earlier {
		earlier[i].Number = i - len(earlier)
	}
	r.Ledger = append(earlier, r.Ledger...)
	return r
}

// knowledge says what the sources contributed to every suggestion, "" for nothing.
func knowledge(r Request) string {
	var list []string
	for _, s := range r.Prior {
		switch {
		case s.Same:
			list = append(list, fmt.Sprintf("%d results of sweep %s count as its own", len(s.Trials), s.Sweep))
		case !r.Spec.Method.Learns():
			list = append(list, fmt.Sprintf("sweep %s, of another training, does not count", s.Sweep))
		}
	}
	return strings.Join(list, "; ")
}

var errCombined = errors.New("its objectives are combined")

// prior is what the search knows from a source of another training. It does not change,
// and is safe for concurrent use.
type prior struct {
	sweep   string
	Request // of its own sweep, with the metrics and constraints that it measured
	cube    *space.Cube
	list    []observation
	order   []int // ranked

	once sync.Once
	m    *model
	err  error
}

// prior returns what the search of r knows from the source, nil if it has no results to
// learn from.
func (s Source) prior(r Request, cube *space.Cube) *prior {
	if s.fitted == nil {
		return newPrior(s, r, cube)
	}
	key := fmt.Sprint(r.Spec.Digest(), r.Exact)
	s.fitted.mu.Lock()
	defer s.fitted.mu.Unlock()
	if s.fitted.key != key {
		s.fitted.key, s.fitted.prior = key, newPrior(s, r, cube)
	}
	return s.fitted.prior
}

func newPrior(s Source, r Request, cube *space.Cube) *prior {
	p := &prior{sweep: s.Sweep, Request: Request{Spec: s.measured(r.Spec), Ledger: s.Trials, Exact: r.Exact}, cube: cube}
	if len(p.Spec.Metrics) == 0 {
		return nil
	}
	p.list = observations(p.Request, cube)
	if p.order = ranked(p.list); len(p.order) == 0 || p.list[p.order[0]].outcome != completed {
		return nil
	}
	return p
}

// best returns the prior's best configurations that completed, at most n.
func (p *prior) best(n int) (list []sweep.Params) {
	for _, i := range p.order[:min(n, len(p.order))] {
		if o := p.list[i]; o.outcome == completed {
			at := slices.IndexFunc(p.Ledger, func(t sweep.Trial) bool { return t.Number == o.number })
			list = append(list, p.Ledger[at].Params)
		}
	}
	return list
}

// priors returns what the search knows from sources of another training.
func (c *call) priors() (list []*prior) {
	for _, s := range c.Prior {
		if s.Same {
			continue
		}
		if p := s.prior(c.Request, c.cube); p != nil {
			list = append(list, p)
		}
	}
	return list
}

// model returns the prior's surrogates, of its own results. There are none where objectives
// are combined by random weights, since no model is of one objective then.
func (p *prior) model() (*model, error) {
	if len(p.Spec.Metrics) > maxVolumes {
		return nil, errCombined
	}
	p.once.Do(func() { p.m, p.err = newModel(nil, p.Request, p.cube, newTraining(p.Request, p.cube), nil, nil) })
	return p.m, p.err
}

// expert is a prior with its model.
type expert struct {
	*prior
	*model
	reversed bool // the results have the opposite order
}

// trend is an expert's process as a mean, and what it is called in a note.
type trend struct {
	gp.Trend
	name string
}

func (e expert) trend(p *gp.Process, of string) trend {
	name := of + " from sweep " + e.sweep
	if e.reversed {
		name += ", reversed"
	}
	return trend{gp.Trend{Process: p, Reversed: e.reversed}, name}
}

// objectiveTrends are the experts' processes of metric k of spec.
func objectiveTrends(experts []expert, spec *sweep.Spec, k int) (list []trend) {
	for _, e := range experts {
		if at := slices.Index(e.Spec.Metrics, spec.Metrics[k]); at >= 0 {
			list = append(list, e.trend(e.objectives[at].Process, spec.Metrics[k].Name))
		}
	}
	return list
}

// constraintTrends are the experts' processes of a constraint.
func constraintTrends(experts []expert, c sweep.Constraint) (list []trend) {
	for _, e := range experts {
		for _, f := range e.constraints {
			if e.Spec.Constraints[f.of] == c {
				list = append(list, e.trend(f.Process, c.String()))
			}
		}
	}
	return list
}

// probe suggests a configuration of a prior: first its best one, then the point of highest
// acquisition by its model, as if its results were this sweep's and all own trials pending.
func (c *call) probe(p *prior) (params sweep.Params, ok bool) {
	c.reason.Note = "the best configuration of sweep " + p.sweep
	if best := p.best(1); len(best) > 0 && !c.tried(best[0]) {
		return best[0], true
	}
	m, err := p.model()
	if err != nil {
		return nil, false
	}
	of := c.Request
	of.Pending = slices.Clone(c.Pending)
	for _, t := range c.Ledger {
		if t.Number >= 0 {
			of.Pending = append(of.Pending, t.Assignment)
		}
	}
	own := *m // acquisition keeps results in it
	a, elite, err := own.acquisition(c.rng, of, c.cube)
	if err != nil {
		return nil, false
	}
	c.reason.Note = "by the model of sweep " + p.sweep
	for _, best := range a.maximise(c.rng, c.cube, elite) {
		if params := c.cube.Params(best.u); !c.tried(params) {
			c.reason.Acquisition = best.value
			return params, true
		}
	}
	return nil, false
}
