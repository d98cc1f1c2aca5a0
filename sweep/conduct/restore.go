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
	if st.Main != nil && st.Main.Kind != KindStart { // a trial that is being started has its number
		st.Rerank = st.Rerank || st.Main.Again
		st.Main = nil
	}
	st.Looking, st.Curating, st.Saving = nil, nil, nil
	st.Arrived, st.Blocked, st.Unsaved = nil, nil, nil
	st.Closed = st.Phase.Final()
	data, err := json.Marshal(st)
	if err != nil {
		panic("conduct: a state that cannot be written: " + err.Error()) // only a number that is not finite; results have none
	}
	return data
}

// Restore returns the State of a sweep whose workflow has ended, from what the store
// has: the spec that it was started with at startedAt, the last snapshot (nil for
// none) and the segments of the ledger. A sweep whose end is not stored was ended from
// outside, and is stopped. exists reports whether a checkpoint is stored. A command
// continues the sweep.
func Restore(spec *sweep.Spec, startedAt time.Time, snapshot *State, segments [][]sweep.Trial, exists func(key string) bool) *State {
	m := New(spec, snapshot, LogicNow, startedAt)
	known := min(m.Segments, len(segments))
	added := slices.Concat(segments[known:]...)
	m.Segments = known
	ended := m.StartedAt
	for _, t := range slices.Concat(segments...) {
		if t.FinishedAt.After(ended) {
			ended = t.FinishedAt
		}
	}
	m.now = ended
	if !m.Phase.Final() {
		m.Phase, m.EndedAt, m.Message = PhaseStopped, &ended, "its workflow was ended from outside"
	}
	for _, segment := range segments[known:] {
		for _, t := range segment {
			m.attach(t.Number)
		}
		m.account(segment)
	}
	added = slices.DeleteFunc(added, func(t sweep.Trial) bool { return t.Checkpoint != "" && !exists(t.Checkpoint) })
	if len(added) > 0 {
		m.rank(slices.Concat(segments...), added)
	}
	m.Removals = slices.DeleteFunc(m.Removals, func(key string) bool { return !exists(key) })
	if m.Main != nil && m.isFinished(m.Main.Number) {
		m.Main = nil
	}
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
	numbers := make([]int, len(contenders))
	for i, t := range contenders {
		numbers[i] = t.Number
	}
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
