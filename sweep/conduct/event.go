package conduct

import "github.com/tailsweep/tailsweep/sweep"

// Event is something that happened. An event that does not fit the state (a result
// twice, a completion of a task that is not outstanding, a trial that nobody knows)
// changes nothing.
type Event interface{ apply(m *Machine) }

// Resumed is the first event of every run: the outstanding actions of State are issued
// again, in case they were lost with the run before.
type Resumed struct{}

// Tick is the clock: see Machine.Wake.
type Tick struct{}

// Results has what trials reported at their ends, in order of arrival. Idempotent by
// trial number.
type Results struct{ Trials []sweep.Trial }

// Reported is a trial at a rung.
type Reported struct{ RungReport }

// Blocked reports that a trial is blocked; a nil Cause means that it no longer is.
type Blocked struct{ TrialBlocked }

// TrialClosed reports that a trial's workflow has ended, with or without a report.
type TrialClosed struct{ Trial int }

// Commanded is a command; Machine.Check reports whether it is accepted.
type Commanded struct {
	Name string
	Command
}

// CancelledOutside reports that Temporal was asked to cancel the sweep.
type CancelledOutside struct{}

// Suggested completes Suggest, with up to Suggest.Count assignments. If there are
// fewer, Exhausted means that nothing is left to try, and Wait that nothing can be
// suggested until a pending trial ends.
type Suggested struct {
	ID          int
	Assignments []sweep.Assignment
	Exhausted   bool
	Wait        bool
}

// Started completes Start.
type Started struct{ ID int }

// StartRefused completes Start: a run before a reset of the sweep had already started
// the trial.
type StartRefused struct{ ID int }

// Appended completes Append, with the results of Order for Append.Rank. Taken is nil if
// the segment was stored. Otherwise a run before a reset had already stored a segment
// with this number, and Taken has its trials.
type Appended struct {
	ID                  int
	Taken               []sweep.Trial
	Numbers, Infeasible []int
}

// Ranked completes Rank, with the results of Order.
type Ranked struct {
	ID                  int
	Numbers, Infeasible []int
}

// Curated completes Curate.
type Curated struct{ ID int }

// Saved completes Save.
type Saved struct{ ID int }

// Looked completes Look. Ended has the results of the trials that will never report, as
// many as fit into a payload; Left are the trials that were not checked therefore. Found
// reports whether trial Next was started.
type Looked struct {
	ID    int
	Ended []sweep.Trial
	Left  []int
	Found bool
}

// VerdictSent completes SendVerdict; Lost when the trial is not there.
type VerdictSent struct {
	Trial, Step int
	Lost        bool
}

// CancelAsked completes CancelTrial; Lost when the trial is not there.
type CancelAsked struct {
	Trial int
	Lost  bool
}

// Failed reports that an action failed; it may have taken effect.
type Failed struct {
	ID int
	BlockCause
}

func (Resumed) apply(m *Machine)          { m.resume() }
func (Tick) apply(*Machine)               {}
func (e Results) apply(m *Machine)        { m.arrive(e.Trials) }
func (e Reported) apply(m *Machine)       { m.report(e.RungReport) }
func (e Blocked) apply(m *Machine)        { m.blockTrial(e.TrialBlocked) }
func (e TrialClosed) apply(m *Machine)    { m.markSilent(e.Trial) }
func (e Commanded) apply(m *Machine)      { m.applyCommand(e) }
func (e Failed) apply(m *Machine)         { m.failed(e) }
func (e VerdictSent) apply(m *Machine)    { m.verdictSent(e) }
func (e CancelAsked) apply(m *Machine)    { m.cancelAsked(e) }
func (CancelledOutside) apply(m *Machine) { m.cancelledOutside() }

func (e Suggested) apply(m *Machine) {
	if m.completes(&m.Main, e.ID, KindSuggest) != nil {
		m.suggested(e)
	}
}

func (e Started) apply(m *Machine) { m.started(e.ID) }

func (e StartRefused) apply(m *Machine) {
	if r := m.started(e.ID); r != nil {
		m.markSilent(r.Number)
	}
}

func (e Appended) apply(m *Machine) {
	if t := m.completes(&m.Main, e.ID, KindAppend); t != nil {
		m.appended(t.Segment, e)
	}
}

func (e Ranked) apply(m *Machine) {
	if t := m.completes(&m.Main, e.ID, KindRank); t != nil {
		m.ranked(t, e)
	}
}

func (e Curated) apply(m *Machine) {
	if t := m.completes(&m.Curating, e.ID, KindCurate); t != nil {
		m.Removals = m.Removals[t.Removals:]
	}
}

func (e Saved) apply(m *Machine) {
	if t := m.completes(&m.Saving, e.ID, KindSave); t != nil {
		m.Unsaved = m.Unsaved[t.Entries:]
		m.StateBehind = !t.State
	}
}

func (e Looked) apply(m *Machine) {
	t := m.completes(&m.Looking, e.ID, KindLook)
	if t == nil {
		return
	}
	m.arrive(e.Ended)
	for _, n := range e.Left {
		m.markSilent(n)
	}
	switch {
	case t.Ahead && e.Found:
		m.addUnknownTrials(t.Number)
	case t.Ahead:
		m.LookedAhead = true
	}
}
