package conduct

import (
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// play takes a trial on: step, end STATUS [silent], vanish, rewind, again, stuck, free
// or closed.
func (w *world) play(p *player, what, status, silent string) {
	switch what {
	case "again":
		if p.lastSignal != nil {
			w.step(p.lastSignal)
		}
		return
	case "stuck", "free":
		if p.stuck = what == "stuck" && !p.closed && w.m.running(p.a.Number) != nil; p.stuck {
			w.step(Blocked{TrialBlocked{p.a.Number, &BlockCause{Reason: block.NoBucket, Message: "on purpose"}}})
		} else {
			w.step(Blocked{TrialBlocked{Trial: p.a.Number}})
		}
		return
	case "closed":
		if p.closed && p.child {
			p.child, p.suspected = false, true
			w.step(TrialClosed{p.a.Number})
		}
		return
	}
	if p.closed {
		return
	}
	switch what {
	case "vanish":
		p.closed = true
	case "rewind": // somebody resets its workflow to the beginning
		p.rungs, p.shown, p.waits, p.verdict = slices.Clone(stopping.TrialRungs(p.spec, p.a)), nil, false, nil
	case "step":
		w.stepTrial(p)
	case "end":
		w.endTrial(p, status, silent != "")
	}
}

// stepTrial goes to the next rung, or on from it.
func (w *world) stepTrial(p *player) {
	if p.waits && p.verdict != nil {
		p.shown[len(p.shown)-1].Reason = p.verdict.Reason
		if p.verdict.Decision == stopping.Stop {
			w.endTrial(p, "stopped", false)
			return
		}
		p.rungs, p.waits, p.verdict = p.rungs[1:], false, nil
		return
	}
	if len(p.rungs) == 0 {
		return
	}
	if !p.waits {
		p.waits = true
		p.shown = append(p.shown, sweep.Rung{Step: p.rungs[0], Metrics: w.measured(p.a, p.rungs[0])})
	}
	last := p.shown[len(p.shown)-1]
	p.lastSignal = Reported{RungReport{Trial: p.a.Number, Step: p.rungs[0], Metrics: p.spec.Objectives(last.Metrics)}}
	w.step(p.lastSignal)
}

// endTrial ends a trial as its workflow may end now, and has it publish and report.
func (w *world) endTrial(p *player, status string, silent bool) {
	t := sweep.Trial{Assignment: p.a, Status: sweep.Status(status), StartedAt: p.startedAt, FinishedAt: w.now, Rungs: p.shown, Steps: 400}
	h := hash("end", p.a.Number)
	t.Checkpoint = fmt.Sprintf("trial-%d", p.a.Number)
	t.TrainTime = float64(600 + h%3000)
	through := len(p.rungs) == 0
	switch status {
	case "completed":
		if !through {
			return
		}
		t.Metrics = w.measured(p.a, 400)
		t.Gates = p.spec.Gates.Failures(t.Metrics)
	case "valueless":
		if !through {
			return
		}
		t.Status = sweep.StatusCompleted
	case "limit":
		t.Status, t.Limit = sweep.StatusStopped, "max_trial_time"
	case "stopped":
		if p.verdict == nil || p.verdict.Decision != stopping.Stop {
			return
		}
	case "diverged":
		if p.waits {
			return
		}
		t.Checkpoint = ""
	case "cancelled":
		if !p.cancel {
			return
		}
	default: // a failure class
		t.Status, t.Checkpoint = sweep.StatusFailed, ""
		t.Error = &sweep.Failure{Class: sweep.FailureClass(status), Message: fmt.Sprintf("fault %d\nmore", p.a.Number)}
	}
	p.closed = true
	if t.Checkpoint != "" {
		w.stored[t.Checkpoint] = true
	}
	w.results[p.a.Number] = t
	p.lastSignal = Results{[]sweep.Trial{t}}
	if !silent {
		w.step(p.lastSignal)
	}
}

// measured are a trial's metrics. Some configurations break every constraint by far,
// the baseline's does not.
func (w *world) measured(a sweep.Assignment, step int) map[string]float64 {
	h, head := hash(fmt.Sprint("measured", a.Params.Key(), a.Seed), step), 20.0
	if a.Kind == sweep.KindSearch && hash(a.Params.Key())%2 == 0 {
		head = 60
	}
	metrics := map[string]float64{
		"fid.tail": float64(h % 97), "fid.head": head + float64(h/97%5)/10, "memorised_ratio.all": float64(h/1009%100) / 100,
	}
	if w.heavy() && step == 400 {
		for i := range 1000 {
			metrics[fmt.Sprint("other.", i)] = 1.25
		}
	}
	return metrics
}
