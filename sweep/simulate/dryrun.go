package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// DryRun says how a spec is simulated.
type DryRun struct {
	Objective string        // one of Objectives
	Workers   int           // training slots
	Noise     float64       // standard deviation of what is added to every metric
	Seed      uint64        // of durations and noise; the search has the spec's
	Step      time.Duration // of training, on average
	Sample    time.Duration // of sampling one image, at one guidance scale, on average
	Faults
	Commands []Command // at their times, in any order
	// Finished, unless nil, is called for each trial that has ended; an error ends the run.
	Finished func(sweep.Trial) error
	// Stepped, unless nil, is called with what the sweep remembers after each event.
	Stepped func(*conduct.State)
}

// trialSpread is how much faster or slower than the average a trial is at most.
const trialSpread = 0.2

// dryRun is the interpreter of packages conduct and lifecycle in virtual time: actions are
// carried out at once, except those of trials that take time.
type dryRun struct {
	DryRun
	landscape
	machine   *conduct.Machine
	events    []conduct.Event // the first one is being carried out
	now       time.Duration
	ledger    []sweep.Trial
	trials    []*dryTrial // by number
	live      []*dryTrial // those that have not ended, by number
	queue     []*dryTrial // for a training slot
	busy      int         // slots
	failed    map[sweep.FailureClass]int
	delivered []Command
}

// Play runs the sweep of a spec in virtual time: package conduct decides about the sweep,
// as it does on Temporal, and trials queue for Workers slots, fail, diverge and restart
// as Faults says. Equal arguments give equal results.
func Play(spec *sweep.Spec, d DryRun) (Result, error) {
	if d.Workers < 1 {
		return Result{}, fmt.Errorf("simulate: %d workers (valid: 1 or more)", d.Workers)
	}
	if err := d.check(); err != nil {
		return Result{}, err
	}
	l, err := newLandscape(spec, d.Objective, d.edits()...)
	if err != nil {
		return Result{}, err
	}
	d.Commands = slices.SortedStableFunc(slices.Values(d.Commands), func(a, b Command) int { return cmp.Compare(a.At, b.At) })
	r := &dryRun{DryRun: d, landscape: l, machine: conduct.New(spec, nil, conduct.LogicNow, moment(0)), failed: make(map[sweep.FailureClass]int)}
	if err := r.run(); err != nil {
		return Result{}, err
	}
	r.machine.Spec().SetGates(r.ledger) // an edit may have changed them
	p, wall := r.machine.Progress(""), r.now
	if p.EndedAt != nil {
		wall = p.EndedAt.Sub(moment(0))
	}
	c := Result{Spec: r.machine.Spec(), Trials: r.ledger, Wall: wall, SlotHours: p.GPUHours, Phase: p.Phase, Ended: strings.TrimSuffix(p.Message, r.machine.Streak.Hint(p.Name)), Failures: r.failed, Commands: r.delivered}
	for _, t := range r.ledger {
		c.Steps += int64(t.Steps)
		c.StepsWithoutStopping += int64(spec.Train.Steps)
	}
	return c, nil
}

// run advances the clock from event to event.
func (r *dryRun) run() error {
	if err := r.feed(conduct.Resumed{}); err != nil {
		return err
	}
	for !r.machine.Closed || len(r.Commands) > 0 {
		r.fillSlots()
		wake, ok := r.machine.Wake()
		var first *dryTrial
		for _, t := range r.live {
			if t.event != nil && (first == nil || *t.event < *first.event) {
				first = t
			}
		}
		var err error
		switch {
		case r.commandDue(first, wake, ok):
			r.now = r.Commands[0].At
			err = r.deliver()
		case first != nil && (!ok || !moment(*first.event).After(wake)):
			r.now = *first.event
			err = r.advance(first)
		case ok:
			r.now = wake.Sub(moment(0))
			err = r.feed(conduct.Tick{})
		case r.machine.Phase == conduct.PhasePaused: // for good
			return nil
		default:
			err = errors.New("simulate: the sweep waits for nothing and does not end")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// feed gives the state machine an event, and carries out what follows from it. Events that
// follow from an action come after all actions of the event before them.
func (r *dryRun) feed(e conduct.Event) error {
	r.events = append(r.events, e)
	if len(r.events) > 1 { // the call that carries out actions takes it
		return nil
	}
	for ; len(r.events) > 0; r.events = r.events[1:] {
		actions := r.machine.Step(moment(r.now), r.events[0])
		if r.Stepped != nil {
			r.Stepped(r.machine.State)
		}
		for _, action := range actions {
			next, err := r.act(action)
			if err != nil {
				return err
			}
			if next != nil {
				r.events = append(r.events, next)
			}
		}
	}
	return nil
}

// act carries out an action; the event completes it.
func (r *dryRun) act(action conduct.Action) (conduct.Event, error) {
	switch a := action.(type) {
	case conduct.Suggest:
		return r.suggest(a)
	case conduct.Start:
		return conduct.Started{ID: a.ID}, r.start(a.Assignment)
	case conduct.Append:
		r.ledger = append(r.ledger, a.Trials...)
		numbers, infeasible := r.order(a.Rank)
		return conduct.Appended{ID: a.ID, Numbers: numbers, Infeasible: infeasible}, r.finished(a.Trials)
	case conduct.Rank:
		numbers, infeasible := r.order(a.Numbers)
		return conduct.Ranked{ID: a.ID, Numbers: numbers, Infeasible: infeasible}, nil
	case conduct.Curate:
		return conduct.Curated{ID: a.ID}, nil
	case conduct.Save:
		return conduct.Saved{ID: a.ID}, nil
	case conduct.Look:
		return conduct.Looked{ID: a.ID}, nil
	case conduct.SendVerdict:
		return nil, r.answer(r.trials[a.Trial], a.Verdict)
	case conduct.CancelTrial:
		return nil, r.cancel(r.trials[a.Trial])
	}
	return nil, nil
}

// order ranks trials as the activities do; none needs no ledger.
func (r *dryRun) order(trials []int) (numbers, infeasible []int) {
	if len(trials) == 0 {
		return nil, nil
	}
	return conduct.Order(r.machine.Spec(), r.ledger, trials)
}

func (r *dryRun) finished(trials []sweep.Trial) error {
	for _, t := range trials {
		if r.Finished == nil {
			break
		}
		if err := r.Finished(t); err != nil {
			return err
		}
	}
	return nil
}

// suggest asks for the next search trial as the Suggest activity does.
func (r *dryRun) suggest(a conduct.Suggest) (conduct.Event, error) {
	b, err := sampler.Several(sampler.Request{Spec: r.machine.Spec(), Ledger: r.ledger, Pending: a.Pending, Number: a.Number, Index: a.Index, Edited: a.Edited}, a.Count)
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	return conduct.Suggested{ID: a.ID, Assignments: b.Assignments, Exhausted: b.Exhausted, Wait: b.Wait}, nil
}

// curve is how a metric falls while a trial trains: at step s of S
//
//	v(s) = v(S) + lift (exp(-s/tau) - exp(-S/tau))
//
// lift is 1.35 to 1.65 times the metric's size and tau .2 to .3 of S, fixed by the
// configuration, so that the curves of different configurations cross. The remaining
// descent is about the same for all, within a tenth: the four trials of
// docs/results/quickstart.md have about 10 of fid.head and 60 of fid.tail left after 450
// steps, and differ by 1.3 and 3.1 in that.
type curve struct {
	final     map[string]float64
	lift, tau float64
}

func (r *dryRun) curve(spec *sweep.Spec, a sweep.Assignment) curve {
	rng := generator("curve/" + r.Objective + "/" + a.Params.Key())
	return curve{r.final(a.Params), 1.35 + 0.3*rng.Float64(), float64(spec.Train.Steps) * (0.2 + 0.1*rng.Float64())}
}

// measure is what an evaluation of t at a step finds.
func (r *dryRun) measure(t *dryTrial, step int) map[string]float64 {
	rest := t.curve.lift * (math.Exp(-float64(step)/t.curve.tau) - math.Exp(-float64(t.spec.Train.Steps)/t.curve.tau))
	values := make(map[string]float64, len(r.metrics))
	for _, m := range r.metrics {
		rng := r.stream("noise", t.life.Result.Number, step, m.Name)
		lift := rest * r.size[m.Name]
		if m.Goal == sweep.Maximize {
			lift = -lift
		}
		values[m.Name] = t.curve.final[m.Name] + lift + r.Noise*r.unit[m.Name]*rng.NormFloat64()
	}
	return values
}

// stream is the random stream of one thing in a run: its kind, then trial, step, ...
func (r *dryRun) stream(thing ...any) *rand.Rand {
	return generator(fmt.Sprintf("run/%d/%v", r.Seed, thing))
}

func moment(d time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(d) }
