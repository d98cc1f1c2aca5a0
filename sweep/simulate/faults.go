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

// attempt is the state of a trial's attempts.
type attempt struct {
	divergence int // step at which it diverges; 0 for never

	// Of the attempt that occupies a slot:
	since    time.Duration // when it began
	took     time.Duration
	silent   time.Duration // how long the slot stays occupied after it, until the heartbeat timeout
	from     int           // step it began at
	fault    *sweep.Failure
	diverged bool

	made      int // to train and to evaluate
	restarts  int // that count toward max_restarts
	idle      int // in a row that failed, since the last step forward
	fruitless int // of the last ones, lost or preempted without a step forward
	lastStep  int // that the failed attempt before kept
	resting   bool
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

// drawFailure returns the step at which an attempt that trains until a step ends. Where
// it ends before, t has the failure or diverges.
func (r *dryRun) drawFailure(t *dryTrial, until int) int {
	if t.divergence > 0 && t.divergence <= until {
		until, t.diverged = t.divergence, true
	}
	if r.Fail == 0 {
		return until
	}
	rng := r.stream("fail", t.trial.Number, t.trial.Attempts)
	if rng.Float64() >= r.Fail {
		return until
	}
	class := sweep.FailureList()[rng.IntN(len(sweep.FailureList()))]
	if r.Class != "" {
		class = r.Class
	}
	step := t.from + int(rng.Float64()*float64(until-t.from))
	t.fault, t.diverged = &sweep.Failure{Class: class, Message: fmt.Sprintf("simulated failure at step %d", step)}, false
	return step
}

// fail ends an attempt that failed. As in the workflow of a trial, its class and
// max_restarts decide whether another one follows, from the last checkpoint; a
// preempted attempt has saved one.
func (r *dryRun) fail(t *dryTrial) error {
	f := *t.fault
	t.fault = nil
	r.failed[f.Class]++
	if every := t.spec.Checkpoints.EverySteps; f.Class != sweep.FailPreempted {
		t.trial.Steps = max(t.from, t.trial.Steps-t.trial.Steps%max(1, every))
	}
	moved := t.trial.Steps > t.lastStep
	t.fruitless = conduct.Fruitless(f.Class, t.fruitless, moved)
	retry, counts := conduct.Retry(t.spec, f.Class, t.restarts, t.fruitless)
	if !retry || t.made >= conduct.MaxAttempts {
		f = conduct.Final(t.spec, f, t.fruitless)
		t.trial.Error = &f
		return r.end(t, sweep.StatusFailed)
	}
	if counts {
		t.restarts++
	}
	t.lastStep = t.trial.Steps
	if moved {
		t.idle = 0
	}
	end := r.now + f.Class.Policy().After(t.idle)
	t.idle++
	t.event, t.resting = &end, true
	return nil
}

// cancel ends a trial where it is, and takes its slot back.
func (r *dryRun) cancel(t *dryTrial) error {
	gone := t.trial.Status != ""
	if err := r.feed(conduct.CancelAsked{Trial: t.trial.Number, Lost: gone}); gone || err != nil {
		return err
	}
	if t.queued {
		r.dequeue(t)
	} else if t.event != nil && !t.resting {
		r.busy--
		done := min(t.took, r.now-t.since)
		if t.trained {
			t.trial.EvalTime += (done - t.took).Seconds()
		} else {
			t.trial.TrainTime += (done - t.took).Seconds()
			t.trial.Steps = min(t.trial.Steps, t.from+int(float64(done)/(t.pace*float64(r.Step))))
		}
	}
	t.event, t.trial.Limit = nil, ""
	return r.end(t, sweep.StatusCancelled)
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
// next wake of the machine.
func (r *dryRun) commandDue(first *dryTrial, wake time.Time, wakes bool) bool {
	if len(r.Commands) == 0 {
		return false
	}
	at := r.Commands[0].At
	return (first == nil || at <= *first.event) && (!wakes || !moment(at).After(wake))
}

// obey gives the machine the next command, unless it refuses it now.
func (r *dryRun) obey() error {
	c := r.Commands[0]
	r.Commands = r.Commands[1:]
	e := conduct.Commanded{Name: c.Name, Command: c.Command}
	e.By = "simulate"
	var err error
	if c.Name == conduct.CommandRetry {
		e.Retry, err = conduct.Retriable(r.ledger, e.Trials)
	}
	if err == nil {
		err = r.machine.Check(e)
	}
	if err != nil {
		c.Refused = err.Error()
		r.obeyed = append(r.obeyed, c)
		return nil
	}
	if err := r.feed(e); err != nil {
		return err
	}
	for _, entry := range r.machine.CommandLog {
		if entry.Command == c.Name {
			c.Change = entry.Change // of the last one
		}
	}
	r.obeyed = append(r.obeyed, c)
	return nil
}
