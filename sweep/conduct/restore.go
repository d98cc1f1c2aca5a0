package conduct

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// stateToStore returns the State that Save stores, and how many bytes it would have if nothing in
// it were compressed. It leaves out what a later run can determine itself.
func (m *Machine) stateToStore() (state json.RawMessage, size int) {
	st := *m.State
	st.Rerank = st.Rerank || st.Main != nil && st.Main.Again
	st.Main = nil
	st.Looking, st.Curating, st.Saving = nil, nil, nil
	st.Arrived, st.Blocked, st.Unsaved, st.StateBehind = nil, nil, nil, false
	st.Closed = st.Phase.Final()
	//workflowcheck:ignore
	data, err := json.Marshal(st) // writes the keys of maps in order
	if err != nil {
		panic("conduct: a state that cannot be written: " + err.Error()) // only a number that is not finite; results have none
	}
	for _, list := range []struct{ packed, plain any }{{st.Running, []Running(st.Running)}, {st.Rungs, []stopping.RungResult(st.Rungs)}} {
		size += SizeOf(list.plain) - SizeOf(list.packed)
	}
	return data, size + len(data)
}

// Restore rebuilds the State of a sweep whose workflow has ended, from the spec and the
// time with which it was started, the last stored state (nil for none), and the ledger
// with its number of segments. exists reports whether a checkpoint is stored. If no end
// is stored, the workflow was terminated. A command continues the sweep.
func Restore(spec *sweep.Spec, startedAt time.Time, snapshot *State, ledger []sweep.Trial, segments int, exists func(key string) bool) *State {
	m := New(spec, snapshot, LogicNow, startedAt)
	if m.Counts == nil { // not a state that a state machine has written
		m.Counts = make(map[sweep.Status]int)
	}
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
		m.Phase, m.EndedAt, m.Message = PhaseTerminated, &ended, "its workflow was ended from outside"
	}
	for _, t := range added {
		m.addUnknownTrials(t.Number)
		m.recall(t)
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
	m.Silent, m.PointerOutdated = nil, true // the pointer may not have been moved
	m.Closed = true
	return m.State
}

// Logged rebuilds the State of a sweep from the command log, for Restore. Requested trials that
// have not started are lost.
func Logged(submitted *sweep.Spec, startedAt time.Time, entries []CommandEntry) *State {
	st := newState(submitted, startedAt)
	st.Replay(entries)
	return st
}

// Replay applies the entries of the command log that follow the last one in CommandLog, for
// Restore. Trials that they request are lost: the entries do not have them.
func (st *State) Replay(entries []CommandEntry) {
	for _, e := range entries {
		at := e.At
		opens := slices.Contains([]string{CommandResume, CommandExtend, CommandEnqueue, CommandRetry}, e.Command)
		switch {
		case e.Refused != "":
		case e.Command == EntryEnd:
			st.Phase, st.EndedAt, st.Message = Phase(e.Change), &at, e.Reason
		case opens && st.Phase.Final(), e.Command == CommandEdit && st.Phase == PhaseCompleted:
			if st.EndedAt != nil {
				st.Idle += at.Sub(*st.EndedAt)
			}
			st.Phase, st.EndedAt, st.Message = PhaseRunning, nil, ""
		case e.Command == CommandPin:
			st.addPins(e.Trials)
		case e.Command == CommandUnpin:
			st.removePins(e.Trials)
		}
		if e.Spec != nil {
			st.Spec = e.Spec
		}
		if e.Command == CommandEdit && e.Spec != nil {
			e.Spec.SetGates(st.Leaders)
			e.Spec.SetGates(st.Gated)
			st.Exhausted, st.WaitAt, st.Rerank = false, nil, st.finished() > 0
			st.fitQueue(e.Spec) // the next entry has what it drops
		}
		st.Entries = e.Number
		e.Spec, e.Trials = nil, nil
		st.CommandLog = append(st.CommandLog, e)
	}
	st.CommandLog = st.CommandLog[max(0, len(st.CommandLog)-CommandLogLimit):]
}

// recall remembers the results at rungs of a trial that has ended and did not report them
// to this history: they were reported before a reset, or after the snapshot.
func (m *Machine) recall(t sweep.Trial) {
	rungs, r := stopping.TrialRungs(m.spec, t.Assignment), m.running(t.Number)
	for _, rung := range t.Rungs {
		known := slices.ContainsFunc(m.Rungs, func(o stopping.RungResult) bool { return o.Trial == t.Number && o.Step == rung.Step })
		if r != nil && !known { // beyond rungLimit it is forgotten
			_, known = r.verdictAt(rung.Step)
		}
		if !known && slices.Contains(rungs, rung.Step) {
			m.remember(stopping.RungResult{Trial: t.Number, Kind: t.Kind, Step: rung.Step, Metrics: m.spec.Objectives(rung.Metrics)})
		}
	}
}

// rank makes the best of the present leaders and of further trials of the ledger the
// leaders.
func (m *Machine) rank(ledger, further []sweep.Trial) {
	contenders := m.contenders(further)
	if m.spec.RanksAlone() {
		m.updateLeaders(further, analysis.ByMetrics(m.spec, contenders))
		return
	}
	order, infeasible := Order(m.spec, ledger, numbersOf(contenders))
	m.markInfeasible(infeasible)
	m.updateLeaders(further, inOrder(contenders, order))
}
