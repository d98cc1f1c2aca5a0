package conduct

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// snapshot is the State that a Save stores: without what the store or the next run
// finds out.
func (m *Machine) snapshot() json.RawMessage {
	st := *m.State
	st.Rerank = st.Rerank || st.Main != nil && st.Main.Again
	st.Main = nil
	st.Looking, st.Curating, st.Saving = nil, nil, nil
	st.Arrived, st.Blocked, st.Unsaved = nil, nil, nil
	st.Closed = st.Phase.Final()
	//workflowcheck:ignore
	data, err := json.Marshal(st) // writes the keys of maps in order
	if err != nil {
		panic("conduct: a state that cannot be written: " + err.Error()) // only a number that is not finite; results have none
	}
	return data
}

// Restore returns the State of a sweep whose workflow has ended, from what the store
// has: the spec that it was started with at startedAt, the last snapshot (nil for
// none), and the ledger with its number of segments. A sweep whose end is not stored
// was ended from outside, and is stopped. exists reports whether a checkpoint is
// stored. A command continues the sweep.
func Restore(spec *sweep.Spec, startedAt time.Time, snapshot *State, ledger []sweep.Trial, segments int, exists func(key string) bool) *State {
	m := New(spec, snapshot, LogicNow, startedAt)
	ended := m.StartedAt
	var added []sweep.Trial
	for _, t := range ledger {
		if t.FinishedAt.After(ended) {
			ended = t.FinishedAt
		}
		if !m.isFinished(t.Number) {
			added = append(added, t)
		}
	}
	m.now = ended
	if !m.Phase.Final() {
		m.Phase, m.EndedAt, m.Message = PhaseStopped, &ended, "its workflow was ended from outside"
	}
	for _, t := range added {
		m.attach(t.Number)
	}
	m.account(added)
	m.Segments = segments
	m.spec.SetGates(added)
	stored := filter(added, func(t sweep.Trial) bool { return t.Checkpoint == "" || exists(t.Checkpoint) })
	if len(stored) > 0 {
		m.rank(ledger, stored)
	}
	m.Removals = slices.DeleteFunc(m.Removals, func(key string) bool { return !exists(key) })
	for i := range m.Running { // a trial that is still blocked reports it again
		m.Running[i].Blocked = nil
	}
	m.Suspects, m.Stale = nil, true // the pointer may not have been moved
	m.Closed = true
	return m.State
}

// rank makes leaders of the best of the present ones and of further trials of the
// ledger.
func (m *Machine) rank(ledger, further []sweep.Trial) {
	contenders := m.contenders(further)
	numbers := numbersOf(contenders)
	if m.spec.RanksAlone() {
		m.lead(further, analysis.ByMetrics(m.spec, contenders))
		return
	}
	order, infeasible := Order(m.spec, ledger, numbers)
	m.expose(infeasible)
	var ranked []sweep.Trial
	for _, number := range order {
		ranked = append(ranked, contenders[slices.Index(numbers, number)])
	}
	m.lead(further, ranked)
}
