package conduct

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// report answers a trial at a rung. Anybody can send a report: one of a trial that
// does not run is ignored, and a step that is not a rung of the trial stops nothing. A
// trial that was reset may report a rung for a second time: if the ledger has its
// result already, it continues.
func (m *Machine) report(r RungReport) {
	if m.isFinished(r.Trial) {
		m.act(Answer{r.Trial, RungVerdict{Step: r.Step, Verdict: stopping.Verdict{
			Decision: stopping.GoOn, Reason: "the sweep has this trial's result already"}}})
		return
	}
	running := m.running(r.Trial)
	if running == nil {
		return
	}
	rungs := running.Rungs
	if len(rungs) == 0 {
		rungs = stopping.TrialRungs(m.spec, running.Assignment)
	}
	if !slices.Contains(rungs, r.Step) {
		m.act(Answer{r.Trial, RungVerdict{Step: r.Step, Verdict: stopping.Decide(m.spec, running.Assignment, r.Step, nil)}})
		return
	}
	v, given := running.verdictAt(r.Step)
	if !given {
		m.remember(stopping.RungResult{Trial: r.Trial, Kind: running.Kind, Step: r.Step, Metrics: m.spec.Objectives(r.Metrics)})
		v = RungVerdict{Step: r.Step, Verdict: stopping.Decide(m.spec, running.Assignment, r.Step, m.Rungs)}
		running.give(v)
	}
	if !slices.Contains(running.Unanswered, r.Step) {
		running.Unanswered = append(running.Unanswered, r.Step)
	}
	m.act(Answer{r.Trial, v})
}

// verdictAt is the verdict that was given at a step.
func (r *Running) verdictAt(step int) (RungVerdict, bool) {
	if r.Verdict != nil && r.Verdict.Step == step {
		return *r.Verdict, true
	}
	if i := slices.IndexFunc(r.Earlier, func(v RungVerdict) bool { return v.Step == step }); i >= 0 {
		return r.Earlier[i], true
	}
	return RungVerdict{}, false
}

// give notes a verdict; the one of the highest step is the last.
func (r *Running) give(v RungVerdict) {
	switch {
	case r.Verdict == nil:
		r.Verdict = &v
	case r.Verdict.Step > v.Step:
		r.Earlier = append(r.Earlier, v)
	default:
		r.Earlier = append(r.Earlier, *r.Verdict)
		r.Verdict = &v
	}
}

// remember adds a result at a rung. Beyond rungLimit results it drops the oldest one of
// that rung. Baseline trials are left out: no trial is compared with them.
func (m *Machine) remember(r stopping.RungResult) {
	if r.Kind == sweep.KindBaseline {
		return
	}
	m.Rungs = append(m.Rungs, r)
	count, oldest := 0, -1
	for i, other := range m.Rungs {
		if other.Step != r.Step {
			continue
		}
		if count++; oldest < 0 {
			oldest = i
		}
	}
	if count > rungLimit {
		m.Rungs = slices.Delete(m.Rungs, oldest, oldest+1)
	}
}

// expose marks the results at rungs of the trials of these numbers, ascending: they
// have ended since, and broke a constraint.
func (m *Machine) expose(infeasible []int) {
	for i, r := range m.Rungs {
		_, m.Rungs[i].Infeasible = slices.BinarySearch(infeasible, r.Trial)
	}
}

// fall counts a trial that diverged as the worst at the rung that it did not reach.
func (m *Machine) fall(t sweep.Trial) {
	rungs := stopping.TrialRungs(m.spec, t.Assignment)
	if t.Status == sweep.StatusDiverged && len(t.Rungs) < len(rungs) {
		m.remember(stopping.RungResult{Trial: t.Number, Kind: t.Kind, Step: rungs[len(t.Rungs)]})
	}
}
