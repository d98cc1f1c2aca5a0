package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
)

// key identifies one run.
type key struct {
	Engine, Version      string
	Problem, Fingerprint string
	Budget, Parallel     int
	Seed                 uint64
}

// result is what is kept of a run.
type result struct {
	key
	AskMillis float64   // mean time of a suggestion
	Losses    []float64 // normalised, after each curveStep trials and at the end
}

// curveStep is the number of trials between the points of a kept curve.
const curveStep = 10

// final is the loss at the end.
func (r result) final() float64 { return r.Losses[len(r.Losses)-1] }

// job is a run to make.
type job struct {
	key
	engine  engine
	problem problems.Problem
	Shorter []int // budgets whose results the run contains
}

// playAll makes the runs of jobs, n at a time, and passes each result to keep at once.
// It continues after an error and returns all of them.
func playAll(jobs []job, n int, keep func(result) error) error {
	var mutex sync.Mutex
	var errs []error
	next := make(chan job)
	var workers sync.WaitGroup
	for range max(n, 1) {
		workers.Go(func() {
			for j := range next {
				list, err := play(j)
				mutex.Lock()
				for _, r := range list {
					err = errors.Join(err, keep(r))
				}
				if err != nil {
					errs = append(errs, fmt.Errorf("%s on %s, seed %d: %w", j.Engine, j.Problem, j.Seed, err))
				}
				mutex.Unlock()
			}
		})
	}
	for _, j := range jobs {
		next <- j
	}
	close(next)
	workers.Wait()
	return errors.Join(errs...)
}

func play(j job) ([]result, error) {
	began := time.Now()
	o := clock.Options{Budget: j.Budget, Parallel: j.Parallel, Seed: j.Seed,
		Stopwatch: func() float64 { return time.Since(began).Seconds() }}
	search, end, err := j.engine.open(j.problem, o)
	if err != nil {
		return nil, err
	}
	trace, err := clock.Run(j.problem, search, o)
	if err := errors.Join(err, end()); err != nil {
		return nil, err
	}
	list := []result{j.keep(trace)}
	for _, budget := range j.Shorter {
		short := j
		short.Budget = budget
		list = append(list, short.keep(trace.First(j.problem, budget)))
	}
	return list, nil
}

// keep reduces a trace to a result. The loss is at most 1, that of one random trial,
// also while nothing feasible is found.
func (j job) keep(trace clock.Trace) result {
	r, scale, losses := result{key: j.key}, j.problem.Scale(), trace.Losses()
	for i, t := range trace {
		r.AskMillis += 1000 * t.AskSeconds / float64(len(losses))
		if (i+1)%curveStep == 0 || i+1 == len(losses) {
			r.Losses = append(r.Losses, max(min(losses[i]/scale, 1), 0))
		}
	}
	return r
}
