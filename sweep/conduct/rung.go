package conduct

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// report sends a verdict to a trial at a rung. Reports are untrusted: a report from a
// trial that is not running is ignored, and at a step that is not a rung the verdict is
// always to continue. A trial that was reset may report a rung a second time: if the
// ledger already has its result, it continues.
func (m *Machine) report(r RungReport) {
	if m.isFinished(r.Trial) {
		m.act(SendVerdict{r.Trial, RungVerdict{Step: r.Step, Verdict: stopping.Verdict{
			Decision: stopping.Continue, Reason: "the sweep has this trial's result already"}}})
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
		m.act(SendVerdict{r.Trial, RungVerdict{Step: r.Step, Verdict: stopping.Decide(m.spec, running.Assignment, r.Step, nil)}})
		return
	}
	v, given := running.verdictAt(r.Step)
	if !given {
		m.remember(stopping.RungResult{Trial: r.Trial, Kind: running.Kind, Step: r.Step, Metrics: m.spec.Objectives(r.Metrics)})
		v = RungVerdict{Step: r.Step, Verdict: stopping.Decide(m.spec, running.Assignment, r.Step, m.Rungs)}
		running.addVerdict(v)
	}
	if !slices.Contains(running.Unconfirmed, r.Step) {
		running.Unconfirmed = append(running.Unconfirmed, r.Step)
	}
	m.act(SendVerdict{r.Trial, v})
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

// addVerdict adds a verdict; the one at the highest step is the last.
func (r *Running) addVerdict(v RungVerdict) {
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

// markInfeasible marks the rung results of trials that have since violated a constraint;
// the numbers are ascending.
func (m *Machine) markInfeasible(infeasible []int) {
	for i, r := range m.Rungs {
		_, m.Rungs[i].Infeasible = slices.BinarySearch(infeasible, r.Trial)
	}
}

// addDiverged adds a trial that diverged as the worst at the rung that it did not reach.
func (m *Machine) addDiverged(t sweep.Trial) {
	rungs := stopping.TrialRungs(m.spec, t.Assignment)
	if t.Status == sweep.StatusDiverged && len(t.Rungs) < len(rungs) {
		m.remember(stopping.RungResult{Trial: t.Number, Kind: t.Kind, Step: rungs[len(t.Rungs)]})
	}
}
