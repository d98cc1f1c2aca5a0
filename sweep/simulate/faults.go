package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Faults says what fails in a dry run: nothing where the shares are 0.
type Faults struct {
	Fail    float64            // share of the attempts at training that fail, at a random step
	Class   sweep.FailureClass // of the failures; "" for a random one of sweep.FailureList each
	Diverge float64            // share of the trials that diverge, at a random step
}

// check returns an error for shares and commands that are not valid.
func (d DryRun) check() error {
	for _, share := range []float64{d.Fail, d.Diverge} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("simulate: share %v of failures (valid: 0 to 1)", share)
		}
	}
	if d.Class != "" && !d.Class.Known() {
		return fmt.Errorf("simulate: unknown failure class %q (valid: %v)", d.Class, sweep.FailureList())
	}
	for _, c := range d.Commands {
		if err := c.check(); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	return nil
}

// divergence draws the step at which a trial diverges; 0 for never.
func (r *dryRun) divergence(spec *sweep.Spec, number int) int {
	if r.Diverge == 0 {
		return 0
	}
	rng := r.stream("diverge", number)
	if rng.Float64() >= r.Diverge {
		return 0
	}
	return 1 + rng.IntN(spec.Train.Steps)
}

// drawFault returns where an attempt that trains from one step to another ends: at until,
// before it with a failure, or before it because the trial diverges.
func (r *dryRun) drawFault(t *dryTrial, from, until int) (step int, fault *sweep.Failure, diverged bool) {
	if t.divergence > 0 && t.divergence <= until {
		until, diverged = t.divergence, true
	}
	if r.Fail == 0 {
		return until, nil, diverged
	}
	rng := r.stream("fail", t.life.Result.Number, t.life.Result.Attempts)
	if rng.Float64() >= r.Fail {
		return until, nil, diverged
	}
	class := sweep.FailureList()[rng.IntN(len(sweep.FailureList()))]
	if r.Class != "" {
		class = r.Class
	}
	step = from + int(rng.Float64()*float64(until-from))
	return step, &sweep.Failure{Class: class, Message: fmt.Sprintf("simulated failure at step %d", step)}, false
}

// Command is a command to the sweep at a time.
type Command struct {
	At      time.Duration `json:"at"`                // nanoseconds since the beginning
	Name    string        `json:"command"`           // one of conduct.CommandTypes
	Change  string        `json:"change,omitempty"`  // what it changed, in words
	Refused string        `json:"refused,omitempty"` // why; "" when the sweep accepted it

	conduct.Command `json:"fields"`
}

func (c Command) check() error {
	var names []string
	for _, v := range conduct.CommandTypes() {
		names = append(names, v.Name)
	}
	switch {
	case !slices.Contains(names, c.Name):
		return fmt.Errorf("unknown command %q (valid: %s)", c.Name, strings.Join(names, ", "))
	case c.At < 0:
		return fmt.Errorf("command %s is at %v (valid: 0 or later)", c.Name, c.At)
	}
	return nil
}

// edits are the specs of the edits among the commands.
func (d DryRun) edits() (specs []*sweep.Spec) {
	for _, c := range d.Commands {
		if c.Spec != nil {
			specs = append(specs, c.Spec)
		}
	}
	return specs
}

// commandDue reports whether a command comes before the next event of a trial and the
// next wake of the state machine.
func (r *dryRun) commandDue(first *dryTrial, wake time.Time, wakes bool) bool {
	if len(r.Commands) == 0 {
		return false
	}
	at := r.Commands[0].At
	return (first == nil || at <= *first.event) && (!wakes || !moment(at).After(wake))
}

// deliver sends the next command to the state machine; a refused one is recorded.
func (r *dryRun) deliver() error {
	c := r.Commands[0]
	r.Commands = r.Commands[1:]
	e := conduct.Commanded{Name: c.Name, Command: c.Command}
	e.By = "simulate"
	var err error
	switch c.Name {
	case conduct.CommandRetry:
		e.Retry, err = r.retried(e.Trials)
	case conduct.CommandPin:
		err = conduct.Pinnable(r.ledger, e.Trials, r.stored)
	}
	if err != nil {
		err = fmt.Errorf("cannot %s sweep %q: %w", c.Name, r.machine.Spec().Name, err)
	} else {
		err = r.machine.Check(e)
	}
	if err != nil {
		c.Refused = err.Error()
		r.delivered = append(r.delivered, c)
		return nil
	}
	if err := r.feed(e); err != nil {
		return err
	}
	for _, entry := range r.machine.CommandLog {
		switch entry.Command {
		case c.Name:
			c.Change = entry.Change // of the last one
		case conduct.EntrySkip:
			c.Change += "; skip: " + entry.Change
		}
	}
	r.delivered = append(r.delivered, c)
	return nil
}

// retried are the assignments of the trials that a retry names, as `tailsweep retry` finds them.
func (r *dryRun) retried(numbers []int) ([]sweep.Assignment, error) {
	p := r.machine.Progress("")
	for _, n := range numbers {
		if err := p.NotEnded(n); err != nil {
			return nil, err
		}
	}
	return conduct.Retriable(r.ledger, numbers)
}

// stored reports whether the store of a real sweep would have the checkpoint of a trial that has
// ended: one that completed, or was stopped by a verdict, loses it unless the sweep keeps it.
func (r *dryRun) stored(t sweep.Trial) (bool, error) {
	if t.Steps == 0 || t.Status == sweep.StatusDiverged {
		return false, nil
	}
	if t.Status != sweep.StatusCompleted && (t.Status != sweep.StatusStopped || t.Limit != "") {
		return true, nil
	}
	p := r.machine.Progress("")
	return slices.Contains(p.Kept, t.Number) || slices.Contains(p.Pinned, t.Number), nil
}
