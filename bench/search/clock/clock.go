package clock

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// Engine is a search with an ask-and-tell interface. Several trials may be pending
// at a time.
type Engine interface {
	// Ask returns the parameters of a new trial and the id that Tell takes. It
	// returns sampler.ErrExhausted when it has no more.
	Ask() (id int, params sweep.Params, err error)
	// Tell reports a result. values and constraints are nil when the trial failed.
	Tell(id int, values, constraints []float64, failed bool) error
}

// Options of a run.
type Options struct {
	Budget   int    // trials
	Parallel int    // workers, each with one trial at a time
	Seed     uint64 // of durations and noise
	// Stopwatch returns the seconds since a fixed moment. With it a Trace has the
	// time of each Ask.
	Stopwatch func() float64
}

// Trial is one trial of a run; times are in mean durations of a trial.
type Trial struct {
	ID            int // of the engine
	Number        int // in order of Ask, from 0
	Params        sweep.Params
	Start, Finish float64
	Values        []float64 // as passed to Tell, with noise
	Constraints   []float64
	True          []float64 // without noise
	Failed        bool      // a value was not finite
	AskSeconds    float64   // of Options.Stopwatch
	Loss          float64   // of the run up to and with this trial, see Trace.Losses
}

// Trace is a run: its trials in order of completion.
type Trace []Trial

// Losses returns Trial.Loss in order of completion. With one objective it is the
// regret f(x) - f*: x is the feasible trial with the lowest observed value, which a
// user would pick, and f(x) is without noise. With several objectives it is the
// hypervolume shortfall (V - HV)/V of the feasible trials, without noise. While no
// trial is feasible it is +Inf, or 1 with several objectives.
func (t Trace) Losses() []float64 {
	losses := make([]float64, len(t))
	for i, trial := range t {
		losses[i] = trial.Loss
	}
	return losses
}

// First returns the trace of the run with a budget of n, for an engine that does
// not know its budget: the first n trials asked for, with their losses.
func (t Trace) First(p problems.Problem, n int) Trace {
	var short Trace
	score := newScorer(p)
	for _, trial := range t {
		if trial.Number < n {
			trial.Loss = score.add(trial)
			short = append(short, trial)
		}
	}
	return short
}

// Run runs a search in virtual time. The duration of a trial is uniform between 0.5
// and 1.5 and drawn from (seed, trial number). A free worker asks at once. Equal
// arguments and a deterministic engine give equal traces.
func Run(p problems.Problem, engine Engine, o Options) (Trace, error) {
	if o.Budget < 1 || o.Parallel < 1 {
		return nil, fmt.Errorf("clock: budget %d and parallel %d must be at least 1", o.Budget, o.Parallel)
	}
	if o.Stopwatch == nil {
		o.Stopwatch = func() float64 { return 0 }
	}
	var trace Trace
	var running []Trial
	score := newScorer(p)
	now, asked, exhausted := 0.0, 0, false
	for {
		for len(running) < o.Parallel && asked < o.Budget && !exhausted {
			var trial Trial
			var err error
			began := o.Stopwatch()
			trial.ID, trial.Params, err = engine.Ask()
			trial.AskSeconds = o.Stopwatch() - began
			if errors.Is(err, sampler.ErrExhausted) {
				exhausted = true
				break
			}
			if err != nil {
				return trace, fmt.Errorf("clock: %s, ask %d: %w", p.Name, asked, err)
			}
			evaluate(p, &trial, o.Seed, asked, now)
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
		running = slices.Delete(running, first, first+1)
		now = done.Finish
		values, constraints := done.Values, done.Constraints
		if done.Failed {
			values, constraints = nil, nil
		}
		if err := engine.Tell(done.ID, values, constraints, done.Failed); err != nil {
			return trace, fmt.Errorf("clock: %s, tell %d: %w", p.Name, done.ID, err)
		}
		done.Loss = score.add(done)
		trace = append(trace, done)
	}
}

// evaluate sets the times and the results of a trial that starts now.
func evaluate(p problems.Problem, trial *Trial, seed uint64, number int, now float64) {
	rng := stream.Named("tailsweep/simulate/trial/" + strconv.FormatUint(seed, 10) + "/" + strconv.Itoa(number))
	trial.Number, trial.Start, trial.Finish = number, now, now+0.5+rng.Float64()
	trial.True, trial.Constraints = p.Eval(trial.Params)
	trial.Failed = !problems.Feasible(trial.True, nil)
	trial.Values = slices.Clone(trial.True)
	if p.Noise > 0 {
		for i := range trial.Values {
			trial.Values[i] += p.Noise * rng.NormFloat64()
		}
	}
}

// scorer computes the loss of a run, trial by trial.
type scorer struct {
	problem problems.Problem
	best    float64 // lowest observed value
	regret  float64
	points  [][]float64
	found   bool
}

func newScorer(p problems.Problem) *scorer { return &scorer{problem: p, best: math.Inf(1)} }

func (s *scorer) add(t Trial) float64 {
	if !t.Failed && problems.Feasible(t.Values, t.Constraints) {
		s.found = true
		s.points = append(s.points, t.True)
		if t.Values[0] < s.best {
			s.best, s.regret = t.Values[0], t.True[0]-s.problem.Best
		}
	}
	switch {
	case s.problem.Objectives > 1:
		return (s.problem.Volume - analysis.Hypervolume(s.points, s.problem.Reference)) / s.problem.Volume
	case !s.found:
		return math.Inf(1)
	}
	return s.regret
}
