package clock

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// specOf returns the part of a spec that samplers read, for a search on p: metrics
// f0, f1, ... to minimise and constraints c0, c1, ... <= 0.
func specOf(p problems.Problem, method sweep.Method, seed int64, o Options) *sweep.Spec {
	spec := &sweep.Spec{APIVersion: sweep.APIVersion, Name: "simulation", Method: method, Seed: seed,
		Parameters: slices.Clone(p.Space), MaxConcurrentTrials: o.Parallel, Budget: sweep.Budget{RunCap: o.Budget}}
	slices.SortFunc(spec.Parameters, func(a, b sweep.Parameter) int { return strings.Compare(a.Name, b.Name) })
	for i := range p.Objectives {
		spec.Metrics = append(spec.Metrics, sweep.Objective{Name: "f" + strconv.Itoa(i), Goal: sweep.Minimize})
	}
	for i := range p.Constraints {
		spec.Constraints = append(spec.Constraints, sweep.Constraint{Metric: "c" + strconv.Itoa(i), Op: "<="})
	}
	return spec
}

// search is an Engine with a sampler and its ledger in memory.
type search struct {
	sampler sampler.Sampler
	request sampler.Request
}

// NewSearch returns the engine of a method on p, which learns from earlier searches, too.
func NewSearch(p problems.Problem, method sweep.Method, o Options, earlier ...sampler.Source) (Engine, error) {
	s, err := sampler.New(method)
	if err != nil {
		return nil, err
	}
	return &search{sampler: s, request: sampler.Request{Spec: specOf(p, method, int64(o.Seed), o), Exact: p.Noise == 0, Prior: earlier}}, nil
}

// Earlier returns the results of an engine of NewSearch, as those of another training.
func Earlier(e Engine) sampler.Source {
	s := e.(*search)
	source := sampler.NewSource(s.request.Spec, s.request.Spec, s.request.Ledger)
	source.Sweep, source.Same = "earlier", false
	return source
}

func (s *search) Ask() (int, sweep.Params, error) {
	r := &s.request
	params, reason, err := s.sampler.Suggest(*r)
	if err != nil {
		return 0, nil, err
	}
	a := sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: r.Spec.Train.Seed, Reason: reason}
	r.Pending = append(r.Pending, a)
	r.Number++
	r.Index++
	return a.Number, params, nil
}

func (s *search) Tell(id int, values, constraints []float64, failed bool) error {
	r := &s.request
	at := slices.IndexFunc(r.Pending, func(a sweep.Assignment) bool { return a.Number == id })
	if at < 0 {
		return fmt.Errorf("no trial %d is pending", id)
	}
	trial := sweep.Trial{Assignment: r.Pending[at], Status: sweep.StatusDiverged}
	if !failed {
		trial.Status, trial.Metrics = sweep.StatusCompleted, map[string]float64{}
		for i, v := range values {
			trial.Metrics["f"+strconv.Itoa(i)] = v
		}
		for i, c := range constraints {
			trial.Metrics["c"+strconv.Itoa(i)] = c
		}
	}
	r.Pending = slices.Delete(r.Pending, at, at+1)
	r.Ledger = append(r.Ledger, trial)
	return nil
}
