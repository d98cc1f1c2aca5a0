package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// rungLimit is how many results of a rung a sweep remembers, the last ones: enough
// to know where the best 1/eta end, and few enough for the State.
const rungLimit = 500

// judge is the verdict on a report, the one that was given before where there is
// one; ok is false for what is no report of a started trial at one of its rungs.
// Anybody can send a signal. A trial that was reset may be at a rung for a second
// time: one whose result is in the ledger already goes on.
func (st *State) judge(spec *sweep.Spec, r RungReport) (v RungVerdict, ok bool) {
	if st.isFinished(r.Trial) {
		return RungVerdict{Step: r.Step, Verdict: stopping.Verdict{Decision: stopping.GoOn, Reason: "the sweep has this trial's result already"}}, true
	}
	i := st.running(r.Trial)
	if i < 0 || !slices.Contains(stopping.TrialRungs(spec, st.Running[i].Assignment), r.Step) {
		return v, false
	}
	running := &st.Running[i]
	switch last := running.Verdict; {
	case last != nil && last.Step == r.Step:
		return *last, true
	case last != nil && last.Step > r.Step:
		return RungVerdict{Step: r.Step, Verdict: stopping.Decide(spec, running.Assignment, r.Step, st.Rungs)}, true
	}
	st.remember(stopping.RungResult{Trial: r.Trial, Kind: running.Kind, Step: r.Step, Metrics: spec.Objectives(r.Metrics)})
	v = RungVerdict{Step: r.Step, Verdict: stopping.Decide(spec, running.Assignment, r.Step, st.Rungs)}
	running.Verdict = &v
	return v, true
}

// remember adds a result at a rung, in the place of the oldest there when there are
// too many. Baseline trials are no rivals and are left out.
func (st *State) remember(r stopping.RungResult) {
	if r.Kind == sweep.KindBaseline {
		return
	}
	st.Rungs = append(st.Rungs, r)
	count, oldest := 0, -1
	for i, other := range st.Rungs {
		if other.Step != r.Step {
			continue
		}
		if count++; oldest < 0 {
			oldest = i
		}
	}
	if count > rungLimit {
		st.Rungs = slices.Delete(st.Rungs, oldest, oldest+1)
	}
}

// expose marks what the trials of these numbers, ascending, showed at rungs: they
// ended since, and broke a constraint.
func (st *State) expose(infeasible []int) {
	for i, r := range st.Rungs {
		_, st.Rungs[i].Infeasible = slices.BinarySearch(infeasible, r.Trial)
	}
}

// fall has a trial that diverged count as the worst at the rung that it did not
// reach.
func (st *State) fall(spec *sweep.Spec, t sweep.Trial) {
	ladder := stopping.TrialRungs(spec, t.Assignment)
	if t.Status == sweep.StatusDiverged && len(t.Rungs) < len(ladder) {
		st.remember(stopping.RungResult{Trial: t.Number, Kind: t.Kind, Step: ladder[len(t.Rungs)]})
	}
}

// referee answers trials at their rungs. It is a coroutine of its own, so that no
// trial waits while the main loop does: for a suggestion, or for a store that is
// away.
func (s *sweepRun) referee(ctx workflow.Context) {
	for {
		var r RungReport
		s.reports.Receive(ctx, &r)
		s.answering = true
		s.answer(ctx, r)
		s.answering = false
		s.news = true
	}
}

// answer waits until its signal is there: one that is under way when the run ends
// would be lost. A trial that asks again is answered again.
func (s *sweepRun) answer(ctx workflow.Context, r RungReport) {
	v, ok := s.judge(s.spec, r)
	if !ok {
		workflow.GetLogger(ctx).Info("a report of a rung is not expected", "trial", r.Trial, "step", r.Step)
		return
	}
	if err := workflow.SignalExternalWorkflow(ctx, TrialID(s.spec.Name, r.Trial), "", SignalVerdict, v).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("a trial does not hear its verdict", "trial", r.Trial, "step", r.Step, "error", err)
		s.suspect(r.Trial)
	}
}

// answered reports whether every trial that asked for a verdict has it.
func (s *sweepRun) answered() bool { return !s.judges || !s.answering && s.reports.Len() == 0 }
