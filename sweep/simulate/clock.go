package simulate

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// Engine is a search that is asked for points and told of results. Several may
// be out at a time.
type Engine interface {
	// Ask returns a point and the name that Tell knows it by. It returns
	// ErrExhausted when it has no more.
	Ask() (id int, params sweep.Params, err error)
	// Tell reports a result. values and constraints are nil when the trial failed.
	Tell(id int, values, constraints []float64, failed bool) error
}

// ErrExhausted is an Engine's answer when it has no point left to suggest.
var ErrExhausted = errors.New("simulate: the engine has no point left")

// Options of a run.
type Options struct {
	Budget   int    // trials
	Parallel int    // workers, each with one trial at a time
	Seed     uint64 // of durations and noise
	// Stopwatch returns seconds since some moment; with it a Trace has the time of
	// each Ask. This package knows no clock.
	Stopwatch func() float64
}

// Trial is one trial of a run; times are in mean durations of a trial.
type Trial struct {
	ID            int // of the engine
	Number        int // in order of asking, from 0
	Params        sweep.Params
	Start, Finish float64
	Values        []float64 // as told to the engine, with noise
	Constraints   []float64
	True          []float64 // without noise
	Failed        bool      // a value was not finite
	AskSeconds    float64   // of Options.Stopwatch
	Loss          float64   // of the run once this trial had finished, see Trace.Losses
}

// Trace is a run: its trials in order of completion.
type Trace struct {
	Problem string
	Trials  []Trial
}

// Losses returns Trial.Loss by order of completion. With one objective that is
// the regret f(x) - f*, where x is the feasible trial of lowest observed value and
// f(x) is without noise: what a user would pick, not what turned out best. With
// several it is the hypervolume shortfall (V - HV)/V of the feasible trials,
// without noise. It is +Inf, or 1 with several objectives, while nothing is
// feasible.
func (t Trace) Losses() []float64 {
	losses := make([]float64, len(t.Trials))
	for i, trial := range t.Trials {
		losses[i] = trial.Loss
	}
	return losses
}

// First returns what a run of n trials would have given, of an engine that does
// not know its budget: the first n that were asked for, with their losses.
func (t Trace) First(p Problem, n int) Trace {
	short, score := Trace{Problem: t.Problem}, newScorer(p)
	for _, trial := range t.Trials {
		if trial.Number < n {
			trial.Loss = score.add(trial)
			short.Trials = append(short.Trials, trial)
		}
	}
	return short
}

// Run plays a search in virtual time. A trial takes between 0.5 and 1.5 units of
// time, uniformly, drawn from (seed, trial number), so that completion order
// differs from the order of asking; a worker that is free asks at once. Equal
// arguments and a deterministic engine give equal traces.
func Run(p Problem, engine Engine, o Options) (Trace, error) {
	if o.Budget < 1 || o.Parallel < 1 {
		return Trace{}, fmt.Errorf("simulate: budget %d and parallel %d must be at least 1", o.Budget, o.Parallel)
	}
	trace, score := Trace{Problem: p.Name}, newScorer(p)
	var running []Trial
	now, asked, exhausted := 0.0, 0, false
	for {
		for len(running) < o.Parallel && asked < o.Budget && !exhausted {
			trial, err := ask(engine, o.Stopwatch)
			if errors.Is(err, ErrExhausted) {
				exhausted = true
				break
			}
			if err != nil {
				return trace, fmt.Errorf("simulate: %s, ask %d: %w", p.Name, asked, err)
			}
			p.play(&trial, o.Seed, asked, now)
			running = append(running, trial)
			asked++
		}
		if len(running) == 0 {
			return trace, nil
		}
		first := 0
		for i, trial := range running {
			if trial.Finish < running[first].Finish {
				first = i
			}
		}
		done := running[first]
		running = append(running[:first], running[first+1:]...)
		now = done.Finish
		values, constraints := done.Values, done.Constraints
		if done.Failed {
			values, constraints = nil, nil
		}
		if err := engine.Tell(done.ID, values, constraints, done.Failed); err != nil {
			return trace, fmt.Errorf("simulate: %s, tell %d: %w", p.Name, done.ID, err)
		}
		done.Loss = score.add(done)
		trace.Trials = append(trace.Trials, done)
	}
}

func ask(engine Engine, stopwatch func() float64) (trial Trial, err error) {
	if stopwatch == nil {
		trial.ID, trial.Params, err = engine.Ask()
		return trial, err
	}
	began := stopwatch()
	trial.ID, trial.Params, err = engine.Ask()
	trial.AskSeconds = stopwatch() - began
	return trial, err
}

// play decides what becomes of a trial that starts now.
func (p Problem) play(trial *Trial, seed uint64, number int, now float64) {
	rng := generator("trial/" + strconv.FormatUint(seed, 10) + "/" + strconv.Itoa(number))
	trial.Number, trial.Start, trial.Finish = number, now, now+0.5+rng.Float64()
	trial.True, trial.Constraints = p.Eval(trial.Params)
	trial.Failed = !feasible(trial.True, nil)
	trial.Values = append([]float64(nil), trial.True...)
	if p.Noise > 0 {
		for i := range trial.Values {
			trial.Values[i] += p.Noise * rng.NormFloat64()
		}
	}
}

// scorer keeps the loss of a run.
type scorer struct {
	problem Problem
	best    float64 // lowest observed value
	regret  float64
	points  [][]float64
	found   bool
}

func newScorer(p Problem) *scorer { return &scorer{problem: p, best: math.Inf(1)} }

func (s *scorer) add(t Trial) float64 {
	if !t.Failed && feasible(t.Values, t.Constraints) {
		s.found = true
		s.points = append(s.points, t.True)
		if t.Values[0] < s.best {
			s.best, s.regret = t.Values[0], t.True[0]-s.problem.Best
		}
	}
	switch {
	case s.problem.Objectives > 1:
		return (s.problem.Volume - sweep.Hypervolume(s.points, s.problem.Reference)) / s.problem.Volume
	case !s.found:
		return math.Inf(1)
	}
	return s.regret
}
