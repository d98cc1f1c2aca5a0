package conduct

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// arrive adds the results of running trials, once each. Signals are untrusted: a result
// that does not belong to a running trial is ignored.
func (m *Machine) arrive(trials []sweep.Trial) {
	for _, t := range trials {
		r := m.running(t.Number)
		if r == nil || m.hasArrived(t.Number) || !r.isOf(t) || !slices.Contains(sweep.StatusList(), t.Status) {
			continue
		}
		m.Arrived = append(m.Arrived, Checked(m.spec, Bounded(t)))
		m.spec.SetGates(m.Arrived[len(m.Arrived)-1:]) // the trial may have started with another spec
	}
}

// isOf reports whether a result may be of this trial. The parameters of a trial that a run
// before a reset started are not known, nor is whether it repeats a baseline trial.
func (r *Running) isOf(t sweep.Trial) bool {
	return t.Kind == r.Kind || r.Params == nil && t.Kind == sweep.KindBaseline
}

// Checked returns a result as the sweep uses it: a completed trial without a finite
// value of an objective becomes a failed one.
func Checked(spec *sweep.Spec, t sweep.Trial) sweep.Trial {
	if t.Status != sweep.StatusCompleted {
		return t
	}
	var missing []string
	for _, o := range spec.Metrics {
		if _, ok := t.Metric(o.Name); !ok {
			missing = append(missing, o.Name)
		}
	}
	if len(missing) > 0 {
		t.Status = sweep.StatusFailed
		t.Error = &sweep.Failure{Class: sweep.FailBadData, Message: fmt.Sprintf(
			"the evaluation found no finite value of %s, which the spec's metrics ask for", strings.Join(missing, ", "))}
	}
	return t
}

// appended continues once the ledger has the segment. If a run before a reset has
// already stored a different segment with this number, that segment is used, and
// results missing from it are appended later.
func (m *Machine) appended(segment []sweep.Trial, e Appended) {
	taken := e.Taken
	if taken != nil {
		if slices.ContainsFunc(taken, func(t sweep.Trial) bool { return t.StartedAt.Before(m.StartedAt) }) {
			m.fail(fmt.Sprintf("append ledger segment %d: an earlier sweep named %q left a ledger behind; choose another name", m.Segments, m.spec.Name))
			m.LedgerBroken = true
			return
		}
		lacks := func(t sweep.Trial) bool { return !among(taken, t) }
		m.Arrived = slices.Concat(filter(segment, lacks), filter(m.Arrived, lacks))
		segment = taken
		for _, t := range taken {
			m.addUnknownTrials(t.Number)
		}
	}
	for _, t := range segment {
		m.recall(t)
	}
	if m.spec.RanksAlone() {
		m.finish(segment, analysis.ByMetrics(m.spec, m.contenders(segment)))
		return
	}
	t := &Task{Kind: KindRank, Segment: segment}
	if taken != nil {
		m.Main = t
		return
	}
	m.ranked(t, Ranked{Numbers: e.Numbers, Infeasible: e.Infeasible})
}

// addUnknownTrials adds the trials from Next to number, which a run before a reset
// started: they still run, or a Look finds their results. Their parameters are in their
// results.
func (m *Machine) addUnknownTrials(number int) {
	for ; m.Next <= number; m.Next++ {
		a := sweep.Assignment{Number: m.Next, Kind: sweep.KindSearch, Seed: m.spec.Train.Seed} // Params are not known
		if m.Next < len(m.baselines) {
			a = m.baselines[m.Next]
		}
		m.Running = append(m.Running, Running{Assignment: a, StartedAt: m.now})
		m.markSilent(a.Number)
	}
}

func filter(trials []sweep.Trial, keep func(sweep.Trial) bool) []sweep.Trial {
	var kept []sweep.Trial
	for _, t := range trials {
		if keep(t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// ranked continues with the order of the contenders.
func (m *Machine) ranked(t *Task, e Ranked) {
	m.markInfeasible(e.Infeasible)
	contenders := m.contenders(t.Segment)
	order := inOrder(contenders, e.Numbers)
	if t.Again {
		m.Gated = nil
		m.updateLeaders(t.Segment, order)
		m.PointerOutdated = true // more or fewer of them may be pointed at
		return
	}
	m.finish(t.Segment, order)
}

// finish counts a segment that the ledger has; ranked are the contenders that have a
// rank, best first.
func (m *Machine) finish(segment, ranked []sweep.Trial) {
	m.Segments++
	m.account(segment)
	m.updateLeaders(segment, ranked)
}

// account counts trials that the ledger has.
func (m *Machine) account(segment []sweep.Trial) {
	for _, t := range segment {
		if r := m.running(t.Number); r != nil {
			m.replaceAssignment(r, t)
		}
		m.Running = slices.DeleteFunc(m.Running, func(r Running) bool { return r.Number == t.Number })
		m.Silent = slices.DeleteFunc(m.Silent, func(n int) bool { return n == t.Number })
		m.markFinished(t.Number)
		m.Counts[t.Status]++
		m.SlotTime += Seconds(t.TrainTime) + Seconds(t.EvalTime)
		m.Streak = m.Streak.after(t)
		if reason := m.Streak.failReason(m.spec.Name); reason != "" && m.Phase != PhaseCancelling && !m.Phase.Final() {
			m.fail(reason)
		}
		m.addDiverged(t)
	}
}

// Seconds converts to a duration, so that sums do not depend on their order.
func Seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
