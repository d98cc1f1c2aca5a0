package main

import (
	"slices"

	"github.com/tailsweep/tailsweep/bench/search/problems"
)

// plan is a grid of runs.
type plan struct {
	problems           []string
	engines            []engine
	budgets, parallels []int
	seeds              int
	first              uint64
}

// play runs what kept does not have.
func (p plan) play(kept *store, workers int) error {
	var jobs []job
	for s := range p.seeds { // seeds outermost: an interrupted run has complete seeds
		for _, name := range p.problems {
			problem, _ := problems.Lookup(name)
			for _, e := range p.engines {
				if !e.supports(problem) {
					continue
				}
				for _, parallel := range p.parallels {
					jobs = append(jobs, p.missing(kept, e, problem, parallel, p.first+uint64(s))...)
				}
			}
		}
	}
	return playAll(jobs, workers, kept.add)
}

// missing returns the runs that are missing for one engine, problem and seed: one a
// budget, or a single one for an engine that does not depend on its budget.
func (p plan) missing(kept *store, e engine, problem problems.Problem, parallel int, seed uint64) []job {
	var jobs []job
	var budgets []int
	for _, budget := range p.budgets {
		k := keyOf(e, problem, budget, parallel, seed)
		if _, has := kept.results[k]; !has {
			budgets = append(budgets, budget)
			jobs = append(jobs, job{key: k, engine: e, problem: problem})
		}
	}
	if e.Budget || len(jobs) < 2 {
		return jobs
	}
	slices.Sort(budgets)
	longest := job{key: keyOf(e, problem, budgets[len(budgets)-1], parallel, seed), engine: e, problem: problem}
	longest.Shorter = budgets[:len(budgets)-1]
	return []job{longest}
}

func keyOf(e engine, problem problems.Problem, budget, parallel int, seed uint64) key {
	return key{Engine: e.Name, Version: e.Version, Problem: problem.Name, Fingerprint: problem.Fingerprint(), Budget: budget, Parallel: parallel, Seed: seed}
}

// chosen returns the kept results of the plan at one budget and parallelism.
func (p plan) chosen(kept *store, budget, parallel int) []result {
	var list []result
	for _, name := range p.problems {
		problem, _ := problems.Lookup(name)
		for _, e := range p.engines {
			for s := range p.seeds {
				if r, has := kept.results[keyOf(e, problem, budget, parallel, p.first+uint64(s))]; has {
					list = append(list, r)
				}
			}
		}
	}
	return list
}
