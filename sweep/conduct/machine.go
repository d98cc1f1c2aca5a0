package conduct

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Machine is a running sweep: its spec and its State.
type Machine struct {
	*State
	Logic Logic

	spec      *sweep.Spec
	baselines []sweep.Assignment
	planned   int
	now       time.Time
	skipped   []string // requests that the command of this step drops
	out       []Action // of this step
}

// New returns a state machine that continues from state, or begins a sweep at now where state
// is nil. The first event of each is Resumed.
func New(spec *sweep.Spec, state *State, logic Logic, now time.Time) *Machine {
	if state == nil {
		state = newState(spec, now)
	}
	if state.Spec != nil {
		spec = state.Spec
	}
	// TrialCount compares parameters by their JSON, which has the names in order.
	//workflowcheck:ignore
	return &Machine{State: state, Logic: logic, spec: spec, baselines: space.Baselines(spec), planned: cost.TrialCount(spec), now: now}
}

// Spec returns the spec in force. It must not be changed.
func (m *Machine) Spec() *sweep.Spec { return m.spec }

// Step takes an event and returns the actions that follow from it, in order. After End
// there are none, until a command continues the sweep.
func (m *Machine) Step(now time.Time, e Event) []Action {
	m.now, m.out = now, nil
	if _, command := e.(Commanded); m.Closed && !command {
		return nil
	}
	e.apply(m)
	if m.Closed {
		return nil
	}
	m.plan()
	return m.out
}

// plan issues all actions that are due.
func (m *Machine) plan() {
	if !m.Phase.Final() {
		m.unblock() // what the event settled no longer delays anything
		m.planCancels()
		m.planLook()
		m.planMain()
		m.planStarts()
		m.planCurate()
		m.unblock()
		m.planFinal()
	}
	m.planEnd()
	if !m.Closed {
		m.planSave()
	}
}

// resume marks tasks and requests as not issued, so that they are issued again.
func (m *Machine) resume() {
	for _, t := range []*Task{m.Main, m.Looking, m.Curating} {
		if t != nil {
			t.ID = 0
		}
	}
	m.Saving = nil // planned again, with all that is to be stored then
	for i := range m.Running {
		r := &m.Running[i]
		if r.Cancel == AskedOnce {
			r.Cancel = ""
		}
		if r.Starting != nil {
			r.Starting.ID = 0
		}
		for _, step := range r.Unconfirmed {
			if v, given := r.verdictAt(step); given {
				m.act(SendVerdict{r.Number, v})
			}
		}
	}
}

// Carry returns the State for the next run. Results beyond carryLimit, or with which it is
// larger than carryBytes, are dropped: the trials have published them, and a Look finds
// them again.
func (m *Machine) Carry() *State {
	excess := SizeOf(m.State) - carryBytes
	for len(m.Arrived) > carryLimit || len(m.Arrived) > 0 && excess > 0 {
		last := m.Arrived[len(m.Arrived)-1]
		m.Arrived = m.Arrived[:len(m.Arrived)-1]
		excess -= SizeOf(last)
		m.markSilent(last.Number)
	}
	return m.State
}

// Wake is the next time at which a Tick has an effect; ok is false for none.
func (m *Machine) Wake() (at time.Time, ok bool) {
	if m.Closed {
		return at, false
	}
	due := func(t time.Time) {
		if t.After(m.now) && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	if wall := time.Duration(m.spec.Budget.WallClock); wall > 0 && !m.Phase.Final() {
		due(m.StartedAt.Add(wall + m.Idle))
	}
	if len(m.Running) > 0 && !m.Phase.Final() {
		due(m.LookAt)
	}
	if len(m.Removals) > 0 && m.Curating == nil && !m.Phase.Final() {
		due(m.CuratedAt.Add(curateEvery))
	}
	for _, b := range m.Blocked {
		due(b.RetryAt)
		if m.CancelledAt != nil || m.Phase.Final() {
			due(m.giveUpAt(b))
		}
	}
	return at, ok
}

// planCancels asks every trial to end once the sweep is being cancelled.
func (m *Machine) planCancels() {
	if m.Phase != PhaseCancelling {
		return
	}
	for i := range m.Running {
		if r := &m.Running[i]; r.Starting == nil && r.Cancel == "" {
			r.Cancel = AskedOnce
			m.act(CancelTrial{r.Number})
		}
	}
}

// planLook looks for trials that may have ended without a report: at once for those in
// Silent, every lookEvery for all running trials.
func (m *Machine) planLook() {
	all := len(m.Running) > 0 && !m.now.Before(m.LookAt)
	ahead := m.mustLookAhead()
	if m.Looking == nil && (all || ahead || len(m.Silent) > 0) && !m.waits(KindLook) {
		var silent []int
		for _, r := range m.Running {
			if (all || slices.Contains(m.Silent, r.Number)) && r.Starting == nil && !m.hasArrived(r.Number) {
				silent = append(silent, r.Number)
			}
		}
		m.Silent = slices.DeleteFunc(m.Silent, func(n int) bool {
			r := m.running(n)
			return r == nil || r.Starting == nil
		})
		if len(silent) > lookLimit {
			m.Silent = append(m.Silent, silent[lookLimit:]...)
			silent = silent[:lookLimit]
		}
		if all {
			m.LookAt = m.now.Add(m.lookEvery())
		}
		if ahead || len(silent) > 0 {
			m.Looking = &Task{Kind: KindLook, Silent: silent, Ahead: ahead}
		}
		if ahead {
			m.Looking.Number = m.Next
		}
	}
	if t := m.Looking; m.issue(t) {
		look := Look{ID: t.ID}
		for _, n := range t.Silent {
			if r := m.running(n); r != nil {
				look.Silent = append(look.Silent, Silent{r.Assignment, r.StartedAt})
			}
		}
		if t.Ahead {
			look.Next = &Silent{Assignment: sweep.Assignment{Number: t.Number}, StartedAt: m.StartedAt}
		}
		m.act(look)
	}
}

// mustLookAhead reports whether to look for trials that a run before a reset started and
// this run does not know. It is needed only when the sweep starts no more trials:
// otherwise its next Start is refused and finds them.
func (m *Machine) mustLookAhead() bool {
	_, _, due := m.ending()
	return due && !m.LookedAhead && !m.LedgerBroken
}

func (m *Machine) lookEvery() time.Duration {
	if m.Phase == PhaseCancelling {
		return lookEveryCancel
	}
	return lookEvery
}

// planMain issues the next main task: first the ledger, then the next trial. There is
// one at a time, so that a suggestion is a function of all results before it.
func (m *Machine) planMain() {
	if m.Main == nil {
		switch {
		case m.LedgerBroken:
		case len(m.Arrived) > 0:
			n := fitting(m.Arrived[:min(len(m.Arrived), segmentLimit)])
			m.Main = &Task{Kind: KindAppend, Segment: m.Arrived[:n:n]}
			m.Arrived = slices.Clone(m.Arrived[n:])
		case m.Rerank:
			m.Main = &Task{Kind: KindRank, Segment: slices.Clone(m.Gated), Again: true}
			m.Rerank = false
		default:
			m.planTrial()
		}
	}
	t := m.Main
	if !m.issue(t) {
		return
	}
	switch t.Kind {
	case KindSuggest:
		m.act(Suggest{ID: t.ID, Count: t.Count, Edited: m.State.Spec != nil, Number: t.Number, Index: t.Number - len(m.baselines) - m.Requested, Segments: m.Segments, Pending: m.pending()})
	case KindAppend:
		a := Append{ID: t.ID, Segment: m.Segments, Trials: t.Segment}
		if !m.spec.RanksAlone() {
			a.Rank = numbersOf(m.contenders(t.Segment))
		}
		m.act(a)
	case KindRank:
		rank := Rank{ID: t.ID, Segments: m.Segments + 1, Numbers: numbersOf(m.contenders(t.Segment))}
		if t.Again {
			rank.Segments = m.Segments
		}
		m.act(rank)
	}
}

// planTrial plans the next trials if any may start. Baseline and requested trials start
// at once; for others it issues a Suggest. While starts fail it plans none, because a
// planned trial must start even if a command arrives in between.
func (m *Machine) planTrial() {
	if m.waits(KindStart) {
		return
	}
	for m.mayStart() && (m.Next < len(m.baselines) || len(m.Queue) > 0) {
		if m.Next < len(m.baselines) {
			m.start(m.baselines[m.Next])
		} else {
			m.startRequested()
		}
	}
	if !m.mayStart() || m.waits(KindSuggest) || m.WaitAt != nil && *m.WaitAt == m.Segments {
		return
	}
	count := min(m.spec.MaxConcurrentTrials-len(m.Running), suggestLimit)
	if runs := m.spec.Budget.RunCap; runs > 0 {
		count = min(count, runs-m.searched())
	}
	m.Main = &Task{Kind: KindSuggest, Number: m.Next, Count: count}
}

// suggested starts the suggested trials, unless a command or a budget has intervened.
func (m *Machine) suggested(e Suggested) {
	for _, a := range e.Assignments {
		if a.Number != m.Next || !m.mayStart() || m.searchEnd() != "" || m.waits(KindStart) {
			return
		}
		m.start(a)
	}
	switch segments := m.Segments; {
	case e.Exhausted, e.Wait && len(m.Running) == 0:
		m.Exhausted = true
	case e.Wait:
		m.WaitAt = &segments
	}
}

// start adds a trial that is about to start. State keeps only a short reason; the
// complete one goes to the trial, and from its result into the ledger.
func (m *Machine) start(a sweep.Assignment) {
	if len(m.Running) == 0 {
		m.LookAt = m.now.Add(m.lookEvery())
	}
	r := Running{Assignment: a, StartedAt: m.now, Starting: &Task{Kind: KindStart, Number: a.Number, Assignment: a}, Rungs: stopping.TrialRungs(m.spec, a)}
	r.Reason = sweep.Reason{Sampler: a.Reason.Sampler}
	m.Running = append(m.Running, r)
	m.Next = a.Number + 1
}

// planStarts issues the starts of trials.
func (m *Machine) planStarts() {
	for _, r := range m.Running {
		if t := r.Starting; m.issue(t) {
			m.act(Start{t.ID, t.Assignment})
		}
	}
}

// started takes the start of this ID out of its trial; nil when it is not outstanding.
func (m *Machine) started(id int) *Running {
	for i := range m.Running {
		if r := &m.Running[i]; m.completes(&r.Starting, id, KindStart) != nil {
			return r
		}
	}
	return nil
}

// planCurate updates the pointer and the kept checkpoints after a change of the leaders,
// in parallel to the main task.
func (m *Machine) planCurate() {
	if m.Curating == nil && m.curateDue() && !m.waits(KindCurate) {
		m.Curating = &Task{Kind: KindCurate, Removals: min(len(m.Removals), removalsBatch)}
		m.PointerOutdated, m.CuratedAt = false, m.now
	}
	if t := m.Curating; m.issue(t) {
		m.act(Curate{t.ID, m.Segments, numbersOf(m.pointed()), slices.Clone(m.Removals[:t.Removals])})
	}
}

// curateDue reports whether to curate: at once if the pointer must be moved or nothing else is
// left to do. Removals alone wait for others, since each Curate costs a task and requests
// to the store, whatever it removes.
func (m *Machine) curateDue() bool {
	if m.PointerOutdated || len(m.Removals) == 0 {
		return m.PointerOutdated
	}
	_, _, ends := m.ending()
	return ends && len(m.Running) == 0 || len(m.Removals) >= removalsLimit || !m.now.Before(m.CuratedAt.Add(curateEvery))
}

// planFinal puts the sweep into its final phase once nothing is left to do.
func (m *Machine) planFinal() {
	phase, why, due := m.ending()
	if !due {
		return
	}
	lost, ok := m.unfinished()
	if !ok {
		return
	}
	ended := m.now
	m.Phase, m.Message, m.EndedAt = phase, why+lost, &ended
	m.Blocked = slices.DeleteFunc(m.Blocked, func(b Block) bool { return b.Kind != KindSave })
	m.addEntry(CommandEntry{Command: EntryEnd, Change: string(phase), Reason: m.Message})
}

// planSave stores the new entries of the command log, in parallel to the main task, and the
// state after the last ones: with them, or in a further Save if both do not fit into one.
func (m *Machine) planSave() {
	if m.Saving == nil && (len(m.Unsaved) > 0 || m.StateBehind) && !m.waits(KindSave) {
		m.Saving = &Task{Kind: KindSave, Entries: fitting(m.Unsaved)}
	}
	if t := m.Saving; m.issue(t) {
		save := Save{ID: t.ID, Entries: slices.Clone(m.Unsaved[:t.Entries])}
		if t.Entries == len(m.Unsaved) {
			state, size := m.stateToStore()
			if t.Entries == 0 || SizeOf(save.Entries)+size <= saveLimit {
				save.State = state
			}
		}
		t.State = save.State != nil
		m.act(save)
	}
}

// planEnd ends the sweep once its end is stored. After giveUpAfter it ends without
// storing the rest; no result is lost, since the ledger has all.
func (m *Machine) planEnd() {
	if !m.Phase.Final() || m.Closed {
		return
	}
	for _, b := range m.Blocked {
		if b.Kind == KindSave && (b.Permanent || !m.now.Before(m.giveUpAt(b))) {
			m.Saving, m.Blocked = nil, nil
			m.Message += fmt.Sprintf("; given up: %s: %s", b.Doing, b.Message)
			m.Closed = true
			m.act(End{})
			return
		}
	}
	if m.Saving == nil && len(m.Unsaved) == 0 && !m.StateBehind {
		m.Closed = true
		m.act(End{})
	}
}

// unfinished reports whether the sweep may end (ok), and what is left undone. A sweep
// never ends before all running trials have been asked to cancel.
func (m *Machine) unfinished() (lost string, ok bool) {
	asked := !slices.ContainsFunc(m.Running, func(r Running) bool { return r.Starting == nil && r.Cancel != AskedDelivered })
	if m.LedgerBroken {
		return "", asked
	}
	waits := !m.LookedAhead || m.Rerank || len(m.Running) > 0 || m.Main != nil && m.Main.Kind != KindSuggest
	curates := m.Curating != nil || m.PointerOutdated || len(m.Removals) > 0
	for _, b := range m.Blocked {
		gone := m.CancelledAt != nil && asked && !m.now.Before(m.giveUpAt(b))
		switch {
		case b.Kind == KindCurate && curates && (gone || b.Permanent):
			curates = false
			lost += fmt.Sprintf("; given up: %s: %s", b.Doing, b.Message)
			if n := len(m.Removals); n > 0 {
				lost += fmt.Sprintf(" (%d checkpoints remain in the object store; remove them by hand: %s)", n, text.Clip(strings.Join(m.Removals, " "), removalsText))
			}
		case b.Kind != KindCurate && waits && gone:
			waits = false
			lost += fmt.Sprintf("; given up: %s: %s", b.Doing, b.Message)
			if n := len(m.Running); n > 0 {
				lost += fmt.Sprintf(" (%d trials are not in the ledger)", n)
			}
		}
	}
	return lost, !waits && !curates
}

// cancelling begins to cancel the sweep.
func (m *Machine) cancelling() {
	now := m.now
	m.Phase, m.CancelledAt, m.LookAt = PhaseCancelling, &now, now
}

// fail cancels the sweep, which then ends as failed; the first reason is kept. A sweep that has
// ended, and only stores that, stays as it ended.
func (m *Machine) fail(reason string) {
	if m.FailReason != "" || m.Phase.Final() {
		return
	}
	m.FailReason = reason
	if m.Phase != PhaseCancelling {
		m.cancelling()
	}
}

func (m *Machine) cancelledOutside() {
	m.applyCommand(Commanded{Name: CommandCancel, Command: Command{By: "temporal", Reason: "the workflow was cancelled"}})
}

func (m *Machine) cancelAsked(e CancelAsked) {
	if r := m.running(e.Trial); r != nil {
		r.Cancel = AskedDelivered
	}
	if e.Lost {
		m.markSilent(e.Trial)
	}
}

func (m *Machine) verdictSent(e VerdictSent) {
	if r := m.running(e.Trial); r != nil {
		r.Unconfirmed = slices.DeleteFunc(r.Unconfirmed, func(step int) bool { return step == e.Step })
	}
	if e.Lost {
		m.markSilent(e.Trial)
	}
}
