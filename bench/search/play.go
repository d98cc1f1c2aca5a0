package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/simulate"
)

// key names one run.
type key struct {
	Engine, Problem  string
	Budget, Parallel int
	Seed             uint64
}

// result is what is kept of a run.
type result struct {
	key
	Losses     []float64 // normalised, by order of completion
	AskSeconds float64   // mean
}

// final is the loss at the end.
func (r result) final() float64 { return r.Losses[len(r.Losses)-1] }

// playAll plays runs, jobs of them at a time; the results are in the order of runs.
func playAll(runs []key, jobs int) ([]result, error) {
	results, errs := make([]result, len(runs)), make([]error, len(runs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range max(jobs, 1) {
		workers.Go(func() {
			for i := range next {
				results[i], errs[i] = play(runs[i])
			}
		})
	}
	for i := range runs {
		next <- i
	}
	close(next)
	workers.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%+v: %w", runs[i], err)
		}
	}
	return results, nil
}

func play(k key) (result, error) {
	problem, ok := simulate.Lookup(k.Problem)
	if !ok {
		return result{}, fmt.Errorf("unknown problem %q", k.Problem)
	}
	began := time.Now()
	o := simulate.Options{Budget: k.Budget, Parallel: k.Parallel, Seed: k.Seed,
		Stopwatch: func() float64 { return time.Since(began).Seconds() }}
	engine, err := simulate.NewSearch(problem, sweep.Method(k.Engine), o)
	if err != nil {
		return result{}, err
	}
	trace, err := simulate.Run(problem, engine, o)
	if err != nil {
		return result{}, err
	}
	scale, err := problem.Scale()
	if err != nil {
		return result{}, err
	}
	r := result{key: k}
	for _, t := range trace.Trials {
		// Until something feasible is found a run is worth one random trial.
		r.Losses = append(r.Losses, min(t.Loss/scale, 1))
		r.AskSeconds += t.AskSeconds / float64(len(trace.Trials))
	}
	return r, nil
}
