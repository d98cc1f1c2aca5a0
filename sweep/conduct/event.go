package conduct

import "github.com/tailsweep/tailsweep/sweep"

// Event is something that happened. An event that does not fit the state (a result
// twice, a completion of a task that is not outstanding, a trial that nobody knows)
// changes nothing.
type Event interface{ apply(m *Machine) }

// Resumed is the first event of every run: what State has outstanding is issued
// again, in case it was lost with the run before.
type Resumed struct{}

// Tick is the clock: see Machine.Wake.
type Tick struct{}

// Results has what trials reported at their ends, in order of arrival. Idempotent by
// trial number.
type Results struct{ Trials []sweep.Trial }

// Reported is a trial at a rung.
type Reported struct{ RungReport }

// Blocked reports that a trial is blocked; a nil Trouble means that it no longer is.
type Blocked struct{ TrialTrouble }

// TrialClosed says that a trial's workflow has ended, with or without a report.
type TrialClosed struct{ Trial int }

// Commanded is a command; Machine.Check says whether it is accepted.
type Commanded struct {
	Name string
	Command
}

// CancelledOutside says that Temporal was asked to cancel the sweep.
type CancelledOutside struct{}

// Suggested completes Suggest: assignments, up to Suggest.Count, and where they are
// fewer, that there is nothing left to try (Exhausted), or nothing until a pending
// trial has ended (Wait).
type Suggested struct {
	ID          int
	Assignments []sweep.Assignment
	Exhausted   bool
	Wait        bool
}

// Started completes Start.
type Started struct{ ID int }

// StartRefused completes Start: the run before a reset of the sweep has started the
// trial.
type StartRefused struct{ ID int }

// Appended completes Append, with the results of Order where Append.Rank asks for them.
// Taken is nil when the segment is stored, else what the ledger has under its number:
// the run before a reset has stored it.
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

// Looked completes Look, with the trials that will not report any more, as they
// ended, and whether Next was started.
type Looked struct {
	ID    int
	Ended []sweep.Trial
	Found bool
}

// Answered completes Answer; Lost when the trial is not there.
type Answered struct {
	Trial, Step int
	Lost        bool
}

// CancelAsked completes CancelTrial; Lost when the trial is not there.
type CancelAsked struct {
	Trial int
	Lost  bool
}

// Failed says that an action failed; it may have taken effect.
type Failed struct {
	ID int
	Trouble
}

func (Resumed) apply(m *Machine)          { m.resume() }
func (Tick) apply(*Machine)               {}
func (e Results) apply(m *Machine)        { m.arrive(e.Trials) }
func (e Reported) apply(m *Machine)       { m.report(e.RungReport) }
func (e Blocked) apply(m *Machine)        { m.blockTrial(e.TrialTrouble) }
func (e TrialClosed) apply(m *Machine)    { m.suspect(e.Trial) }
func (e Commanded) apply(m *Machine)      { m.obey(e) }
func (e Failed) apply(m *Machine)         { m.failed(e) }
func (e Answered) apply(m *Machine)       { m.answered(e) }
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
		m.suspect(r.Number)
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
	}
}

func (e Looked) apply(m *Machine) {
	t := m.completes(&m.Looking, e.ID, KindLook)
	if t == nil {
		return
	}
	m.arrive(e.Ended)
	switch {
	case t.Ahead && e.Found:
		m.attach(t.Number)
	case t.Ahead:
		m.Sought = true
	}
}
