package asktell

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// best is the recommendation: with one objective a trial, with several the front. The
// trial is the best that was observed, or where results are noisy the one that the
// method's model recommends (sampler.Recommender). Only completed trials that satisfy
// every constraint take part, as observed or as modelled.
func (s *session) best(o *object) (reply, error) {
	if err := o.done(); err != nil {
		return reply{}, err
	}
	var feasible []sweep.Trial
	completed := false
	for _, t := range s.ledger {
		completed = completed || t.Status == sweep.StatusCompleted
		if s.feasible(t) {
			feasible = append(feasible, t)
		}
	}
	switch {
	case !completed:
		return reply{}, errors.New("op: no trial has values yet")
	case len(feasible) == 0:
		return reply{}, errors.New("op: no trial satisfies every constraint yet")
	}
	if len(s.spec.Metrics) > 1 {
		r := reply{OK: true}
		for _, t := range analysis.Pareto(s.spec, feasible) {
			r.Front = append(r.Front, s.result(t))
		}
		return r, nil
	}
	t, _ := analysis.Best(s.spec, feasible, "")
	if r, ok := s.sampler.(sampler.Recommender); ok && !s.exact {
		request := sampler.Request{Spec: s.spec, Ledger: s.ledger, Pending: s.pending, Number: len(s.reported), Index: s.asked}
		if likely, ok := r.Recommend(request); ok {
			t = likely
		}
	}
	r := s.result(t)
	r.OK = true
	return r, nil
}

// feasible reports whether t completed with every constraint at most 0.
func (s *search) feasible(t sweep.Trial) bool {
	for _, c := range s.spec.Constraints {
		if f, ok := t.Metric(c.Metric); !ok || analysis.Excess(c, f, c.Offset) > 0 {
			return false
		}
	}
	return t.Status == sweep.StatusCompleted
}

// result is a finished trial in a reply, without values where it did not complete.
func (s *search) result(t sweep.Trial) reply {
	r := reply{ID: &t.Number, Params: t.Params}
	if t.Status != sweep.StatusCompleted {
		return r
	}
	for _, m := range s.spec.Metrics {
		r.Values = append(r.Values, t.Metrics[m.Name])
	}
	for _, c := range s.spec.Constraints {
		r.Constraints = append(r.Constraints, t.Metrics[c.Metric])
	}
	return r
}

// explain returns the reason for a trial's parameters and its outcome.
func (s *session) explain(o *object) (reply, error) {
	id := s.id(o)
	if err := o.done(); err != nil {
		return reply{}, err
	}
	if at := s.reported[id]; at >= 0 {
		r := s.result(s.ledger[at])
		r.OK, r.Status, r.Reason = true, s.ledger[at].Status, &s.ledger[at].Reason
		return r, nil
	}
	for _, a := range s.pending {
		if a.Number == id {
			return reply{OK: true, ID: &id, Params: a.Params, Reason: &a.Reason}, nil
		}
	}
	return reply{}, errors.New("id: neither reported nor pending")
}
