package simulate

import (
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

// dryTrial is a trial in virtual time. It decides nothing: package lifecycle does.
type dryTrial struct {
	life       *lifecycle.Trial
	spec       *sweep.Spec // in force when it started
	curve      curve
	pace       float64          // 1 is average
	divergence int              // step at which it diverges; 0 for never
	action     lifecycle.Action // in flight
	event      *time.Duration   // when it leaves its slot, its wait ends, or it gives up waiting for a slot
	queued     bool             // for a slot
	slot                        // that it has; zero for none
}

// slot is what a trial does in a slot.
type slot struct {
	since time.Duration
	took  time.Duration   // without the time in which a lost worker is silent
	from  int             // step
	end   lifecycle.Event // nil without a slot
}

func (t *dryTrial) ended() bool { return t.life.Result.Status != "" }

// start starts a trial with the spec in force.
func (r *dryRun) start(a sweep.Assignment) error {
	rng, spec := r.stream("pace", a.Number), r.machine.Spec()
	t := &dryTrial{
		life: lifecycle.New(spec, a, moment(r.now)), spec: spec,
		curve: r.curve(spec, a), pace: 1 + trialSpread*(2*rng.Float64()-1), divergence: r.divergence(spec, a.Number),
	}
	r.trials = append(r.trials, t)
	r.live = append(r.live, t)
	return r.step(t, lifecycle.Begun{})
}

// step gives the state machine of a trial an event, and carries out what follows.
func (r *dryRun) step(t *dryTrial, e lifecycle.Event) error {
	for _, action := range t.life.Step(moment(r.now), e) {
		if err := r.carryOut(t, action); err != nil {
			return err
		}
	}
	return nil
}

// carryOut begins an action of a trial; one that takes no time is completed at once.
func (r *dryRun) carryOut(t *dryTrial, action lifecycle.Action) error {
	number := t.life.Result.Number
	switch a := action.(type) {
	case lifecycle.ReportBlock:
		return r.feed(conduct.Blocked{TrialBlocked: conduct.TrialBlocked{Trial: number, Cause: a.Cause}})
	case lifecycle.GiveUpIn: // publishing takes no time
		return nil
	case lifecycle.Publish:
		return r.step(t, lifecycle.Published{Trial: t.life.Result, Reported: true})
	case lifecycle.End:
		r.live = slices.DeleteFunc(r.live, func(other *dryTrial) bool { return other == t })
		return r.feed(conduct.Results{Trials: []sweep.Trial{t.life.Result}})
	}
	t.action = action
	switch a := action.(type) {
	case lifecycle.Train:
		if !a.Deadline.IsZero() {
			t.event = new(a.Deadline.Sub(moment(0)))
		}
		r.enqueue(t)
	case lifecycle.Evaluate:
		r.enqueue(t)
	case lifecycle.Wait:
		t.event = new(r.now + a.For)
	case lifecycle.Ask:
		return r.feed(conduct.Reported{RungReport: a.Report})
	}
	return nil
}

// enqueue has a trial wait for a slot.
func (r *dryRun) enqueue(t *dryTrial) {
	t.queued = true
	r.queue = append(r.queue, t)
}

// dequeue takes a trial out of the queue.
func (r *dryRun) dequeue(t *dryTrial) {
	t.queued = false
	r.queue = slices.DeleteFunc(r.queue, func(other *dryTrial) bool { return other == t })
}

// fillSlots gives free slots to the trials that wait for one, in order.
func (r *dryRun) fillSlots() {
	for r.busy < r.Workers && len(r.queue) > 0 {
		t := r.queue[0]
		r.dequeue(t)
		r.busy++
		t.slot = slot{since: r.now, from: t.life.Result.Steps}
		switch a := t.action.(type) {
		case lifecycle.Train:
			r.train(t, a)
		case lifecycle.Evaluate:
			r.evaluate(t, a)
		}
		leaves := r.now + t.took
		if f, ok := t.end.(lifecycle.Failed); ok && f.Class == sweep.FailLost {
			leaves += lifecycle.HeartbeatTimeout
		}
		t.event = &leaves
	}
}

// train decides how an attempt at training will end. What is lost is trained again: a
// failure keeps the steps up to the last checkpoint, a preempted attempt saves one.
func (r *dryRun) train(t *dryTrial, a lifecycle.Train) {
	until := t.spec.Train.Steps
	if a.Until > 0 {
		until = a.Until
	}
	step, fault, diverged := r.drawFault(t, t.from, until)
	stride := r.stride(t)
	t.took = time.Duration(stride * float64(step-t.from))
	left := a.Limit
	if !a.Deadline.IsZero() {
		left = a.Deadline.Sub(moment(r.now))
	}
	trained := lifecycle.Trained{Outcome: sweep.OutcomeDone}
	switch {
	case t.spec.MaxTrialTime > 0 && t.took > left:
		t.took = left
		step = t.from + int(float64(left)/stride)
		trained.Outcome = sweep.OutcomeTimeUp
	case diverged:
		trained.Outcome = sweep.OutcomeDiverged
	case fault != nil:
		if every := t.spec.Checkpoints.EverySteps; fault.Class != sweep.FailPreempted {
			step = max(t.from, step-step%max(1, every))
		}
		t.end = lifecycle.Failed{Failure: *fault, Attempt: &lifecycle.Attempt{Seconds: t.took.Seconds(), Step: step}}
		return
	default:
		metrics := r.measure(t, step)
		if loss, ok := metrics[sweep.MetricLoss]; ok {
			trained.Losses.LossLast = &loss
		}
		if t.spec.Trainer != nil {
			trained.Evaluation = &sweep.Evaluation{Metrics: metrics}
		}
	}
	trained.Step, trained.Attempt = step, lifecycle.Attempt{Seconds: t.took.Seconds(), Step: step}
	t.end = trained
}

// stride is how long a trial trains one step, in nanoseconds.
func (r *dryRun) stride(t *dryTrial) float64 { return t.pace * float64(r.Step) }

func (r *dryRun) evaluate(t *dryTrial, a lifecycle.Evaluate) {
	spec := *t.spec
	if a.Rung > 0 {
		spec = t.spec.AtRung()
	}
	samples := float64(spec.Evaluate.Draws() * spec.Dataset.Classes())
	t.took = time.Duration(t.pace * float64(r.Sample) * samples)
	t.end = lifecycle.Evaluated{
		Evaluation: sweep.Evaluation{Metrics: r.measure(t, t.from)}, Attempt: lifecycle.Attempt{Seconds: t.took.Seconds()},
	}
}

// advance ends the stage of t in its slot, its wait, or its wait for a slot.
func (r *dryRun) advance(t *dryTrial) error {
	t.event = nil
	switch {
	case t.queued:
		r.dequeue(t)
		return r.step(t, lifecycle.NoSlot{})
	case t.end == nil:
		return r.step(t, lifecycle.Waited{})
	}
	end := t.leave(r)
	if f, ok := end.(lifecycle.Failed); ok {
		r.failed[f.Class]++
	}
	return r.step(t, end)
}

// leave gives a trial's slot back, and returns how its stage there ended.
func (t *dryTrial) leave(r *dryRun) (end lifecycle.Event) {
	r.busy--
	end, t.end = t.end, nil
	return end
}

// answer gives a trial at a rung its verdict.
func (r *dryRun) answer(t *dryTrial, v conduct.RungVerdict) error {
	if err := r.feed(conduct.VerdictSent{Trial: t.life.Result.Number, Step: v.Step, Lost: t.ended()}); err != nil {
		return err
	}
	return r.step(t, lifecycle.Verdict{RungVerdict: v})
}

// cancel cancels a trial, and completes its action in flight.
func (r *dryRun) cancel(t *dryTrial) error {
	gone := t.ended()
	if err := r.feed(conduct.CancelAsked{Trial: t.life.Result.Number, Lost: gone}); gone || err != nil {
		return err
	}
	if err := r.step(t, lifecycle.Cancelled{}); err != nil {
		return err
	}
	t.event = nil
	cancelled := lifecycle.Failed{Failure: sweep.Failure{Class: sweep.FailPreempted, Message: "cancelled"}}
	switch t.action.(type) {
	case lifecycle.Wait:
		return r.step(t, lifecycle.Waited{})
	case lifecycle.Ask:
		return r.step(t, lifecycle.Unanswered{})
	case lifecycle.Train:
		if t.end != nil { // it saves a checkpoint
			done := min(t.took, r.now-t.since)
			steps := int(float64(done) / r.stride(t))
			cancelled.Attempt = &lifecycle.Attempt{Seconds: done.Seconds(), Step: t.from + steps}
		}
	case lifecycle.Evaluate:
		if t.end != nil {
			cancelled.Attempt = &lifecycle.Attempt{Seconds: min(t.took, r.now-t.since).Seconds()}
		}
	}
	if t.queued {
		r.dequeue(t)
	} else {
		t.leave(r)
	}
	return r.step(t, cancelled)
}
