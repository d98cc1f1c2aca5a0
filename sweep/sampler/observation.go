package sampler

import (
	"cmp"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// outcome is how a configuration's trials ended, better outcomes first.
type outcome int

const (
	completed outcome = iota
	stopped           // ended at a rung: worse than the others there
	diverged
)

// observation is one configuration and its results. tpe, cmaes, nsga2 and bayes learn
// from observations only.
type observation struct {
	u         []float64 // point of the unit cube, NaN where a parameter is absent
	outcome   outcome
	values    []float64            // of the metrics, to be minimised; where stopped those of its last rung, nil without one
	excess    []float64            // where completed: beyond each constraint's limit, <= 0 where satisfied; NaN where unknown
	violation float64              // of all constraints, 0 where the values satisfy every one
	feasible  analysis.Feasibility // where completed: by analysis.Limits, undecided where a constraint's metric is missing
	trials    int                  // completed
	rung      map[string]float64   // where stopped: the metrics at its last rung
	step      int                  // where stopped: the training step of its last rung
	number    int                  // of its first trial in the ledger
}

// observations turns the ledger into one observation a configuration, in the order in
// which configurations first occur.
//
//	completed  values of every metric. A configuration trained with several seeds is one
//	           observation: the mean over the trials that completed, less the mean effect
//	           of their seeds (analysis.Noise).
//	stopped    no value at the last step: ranked below every completed configuration,
//	           since it was worse than the others at its rung, and among stopped ones by
//	           the step it reached. One that completed with another seed is completed.
//	diverged   worse than everything else. A configuration that diverged with one seed
//	           is diverged, and so is one that ran out of memory.
//	failed otherwise, cancelled
//	           say nothing about the configuration and are left out, as is a completed
//	           trial without a finite value of every metric.
//
// Baseline trials count when their parameters are of the search space.
//
// The violation is the sum over the constraints of the excess over the limit, each
// divided by the largest excess in the ledger so that units do not matter. A
// constraint whose metric, or whose baseline, has no result yet is ignored.
func observations(r Request, s *space.Cube) []observation {
	var points []*evidence
	byKey := make(map[string]*evidence)
	for _, t := range r.Ledger {
		switch {
		case t.Status == sweep.StatusFailed && t.Error != nil && t.Error.Class == sweep.FailOutOfMemory:
			t.Status = sweep.StatusDiverged
		case t.Status == sweep.StatusFailed, t.Status == sweep.StatusCancelled:
			continue
		}
		values, ok := minimised(r.Spec, t)
		if t.Status == sweep.StatusCompleted && !ok {
			continue
		}
		key := t.Params.Key()
		p := byKey[key]
		if p == nil {
			u, of := s.Locate(t.Params)
			if !of {
				continue
			}
			p = &evidence{key: key, observation: observation{u: u, number: t.Number, outcome: stopped}, limited: make([]mean, len(r.Spec.Constraints))}
			byKey[key] = p
			points = append(points, p)
		}
		p.add(r.Spec, t, values)
	}
	limits := analysis.NewLimits(r.Spec, r.Ledger)
	noise := repeatNoise(r, points)
	list := make([]observation, len(points))
	for i, p := range points {
		if p.outcome == completed {
			p.values = make([]float64, len(p.sums))
			for j, o := range r.Spec.Metrics {
				p.values[j] = p.sums[j].value
				if noise != nil {
					p.values[j] -= o.Cost(noise[j].Effect(p.key))
				}
			}
			p.trials = p.sums[0].n
			p.feasible = limits.FeasibilityOf(p.key)
			p.excess = make([]float64, len(r.Spec.Constraints))
			for j, c := range r.Spec.Constraints {
				p.excess[j] = math.NaN()
				if limit, ok := limits.Limit(j); ok && p.limited[j].n > 0 {
					p.excess[j] = analysis.Excess(c, p.limited[j].value-limits.Noise(j).Effect(p.key), limit.Mean)
				}
			}
		}
		list[i] = p.observation
	}
	for i := range r.Spec.Constraints {
		over, worst := make([]float64, len(points)), 0.0
		for j, p := range points {
			if p.outcome != completed {
				continue
			}
			if excess := p.excess[i]; excess > 0 { // not NaN
				over[j] = math.Min(excess, math.MaxFloat64)
				worst = math.Max(worst, over[j])
			}
		}
		for j := range list {
			if over[j] > 0 {
				list[j].violation += over[j] / worst
			}
		}
	}
	return list
}

// repeatNoise is the noise of each metric, nil while no configuration has several
// results: then there are no effects of seeds to subtract.
func repeatNoise(r Request, points []*evidence) []*analysis.Noise {
	if !slices.ContainsFunc(points, func(p *evidence) bool { return len(p.sums) > 0 && p.sums[0].n > 1 }) {
		return nil
	}
	list := make([]*analysis.Noise, len(r.Spec.Metrics))
	for j, o := range r.Spec.Metrics {
		list[j] = analysis.NewNoise(r.Ledger, o.Name)
	}
	return list
}

// minimised returns a trial's values of every metric, of a stopped trial those of its
// last rung, negated where the goal is to maximise. ok is false when one is missing.
func minimised(spec *sweep.Spec, t sweep.Trial) (values []float64, ok bool) {
	for _, o := range spec.Metrics {
		value, has := t.Metric(o.Name)
		if t.Status == sweep.StatusStopped && len(t.Rungs) > 0 {
			value, has = lastRung(t).Metrics[o.Name]
		}
		if !has || math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, false
		}
		values = append(values, o.Cost(value))
	}
	return values, true
}

// evidence is an observation while it is collected.
type evidence struct {
	observation
	key     string
	sums    []mean // of the metrics, over completed trials
	limited []mean // of the constraints' metrics, likewise
}

// add adds a trial that completed, was stopped or diverged.
func (p *evidence) add(spec *sweep.Spec, t sweep.Trial, values []float64) {
	switch t.Status {
	case sweep.StatusDiverged:
		p.outcome, p.values, p.rung = diverged, nil, nil
	case sweep.StatusStopped:
		if last := lastRung(t); p.outcome == stopped && last.Step >= p.step {
			p.values, p.step, p.rung = values, last.Step, last.Metrics
		}
	case sweep.StatusCompleted:
		if p.outcome == stopped {
			p.outcome, p.values, p.rung, p.sums = completed, nil, nil, make([]mean, len(values))
		}
		if p.outcome != completed {
			return
		}
		for i, value := range values {
			p.sums[i].add(value)
		}
		for i, c := range spec.Constraints {
			if value, has := t.Metric(c.Metric); has {
				p.limited[i].add(value)
			}
		}
	}
}

// ranked returns the indices of list from the best observation to the worst:
//
//  1. completed configurations that are feasible by analysis.Limits, by non-dominated front,
//     and within a front by crowding distance, the largest first;
//  2. completed ones that are undecided, by violation, then as the feasible ones;
//  3. completed ones that are infeasible, by violation;
//  4. stopped ones, later rungs first, then by front;
//  5. diverged ones.
//
// This is constrained domination (Deb 2002, section VI) with the undecided between the two,
// followed by the outcomes without values. Ties go by trial number. With one metric it is the order of its
// values.
func ranked(list []observation) []int {
	order := make([]int, len(list))
	kept, halted := make(map[int][]int), make(map[int][]int)
	for i, o := range list {
		order[i] = i
		switch {
		case o.outcome == completed && o.violation == 0:
			kept[o.feasible.Class()] = append(kept[o.feasible.Class()], i)
		case o.outcome == stopped && o.values != nil:
			halted[o.step] = append(halted[o.step], i)
		}
	}
	front, distance := make([]int, len(list)), make([]float64, len(list))
	place := func(group []int) {
		values := make([][]float64, len(group))
		for at, i := range group {
			values[at] = list[i].values
		}
		for rank, members := range analysis.Fronts(values) {
			for j, d := range analysis.Crowding(values, members) {
				i := group[members[j]]
				front[i], distance[i] = rank, d
			}
		}
	}
	for _, groups := range []map[int][]int{kept, halted} {
		for _, group := range groups { // each group writes to its own members only
			place(group)
		}
	}
	const after = 10 // any class of a completed one
	class := func(o observation) int {
		switch {
		case o.outcome == diverged:
			return after + 2
		case o.outcome == stopped && o.values == nil:
			return after + 1
		case o.outcome == stopped:
			return after
		}
		return o.feasible.Class()
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(class(list[a]), class(list[b])),
			cmp.Compare(list[a].violation, list[b].violation),
			cmp.Compare(list[b].step, list[a].step),
			cmp.Compare(front[a], front[b]),
			cmp.Compare(distance[b], distance[a]),
			cmp.Compare(list[a].number, list[b].number),
			cmp.Compare(a, b))
	})
	return order
}

// lastRung is the trial's last rung, at step 0 when it reached none.
func lastRung(t sweep.Trial) (last sweep.Rung) {
	if n := len(t.Rungs); n > 0 {
		last = t.Rungs[n-1]
	}
	return last
}

// mean is a running mean. Unlike a sum it does not overflow.
type mean struct {
	value float64
	n     int
}

func (m *mean) add(value float64) {
	m.n++
	n := float64(m.n)
	m.value += value/n - m.value/n
}
