package conduct

import (
	"fmt"
	"time"
)

// proceed continues a sweep that is paused or has ended.
func (m *Machine) proceed(Command) string {
	if m.Phase == PhasePaused {
		m.Phase = PhaseRunning
		return ""
	}
	was := m.Phase
	m.reopen()
	return fmt.Sprintf("continued after it was %s", was)
}

// reopen continues a sweep that has ended. Its running trials, which it no longer
// waited for, are looked at.
func (m *Machine) reopen() {
	if !m.Phase.Final() {
		return
	}
	if m.EndedAt != nil {
		m.Idle += m.now.Sub(*m.EndedAt)
	}
	m.Phase, m.EndedAt, m.CancelledAt, m.FailReason, m.Message = PhaseRunning, nil, nil, "", ""
	m.LedgerBroken, m.LookedAhead, m.Closed = false, false, false
	m.Streak = Streak{}
	m.WaitAt = nil
	m.LookAt = m.now.Add(lookEvery)
	if m.Main != nil && m.Main.Kind == KindSuggest {
		m.Main = nil
	}
	for i := range m.Running {
		m.Running[i].Cancel = ""
		m.markSilent(m.Running[i].Number)
	}
	m.resume()
}

// elapsed returns how long the sweep has run, without the pauses between an end and the
// command that continued it.
func (m *Machine) elapsed() time.Duration { return m.now.Sub(m.StartedAt) - m.Idle }
