package conduct

import (
	"fmt"
	"slices"
	"strings"
)

// Names of commands.
const (
	CommandPause  = "pause"
	CommandResume = "resume"
	CommandStop   = "stop"
	CommandCancel = "cancel"
)

// Command says who asks, and why.
type Command struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Verb is a row of the table of commands: which phases accept it, and what it does.
type Verb struct {
	Name  string
	About string
	from  []Phase
	apply func(m *Machine)
}

// Verbs is the table of commands.
func Verbs() []Verb {
	to := func(p Phase) func(*Machine) { return func(m *Machine) { m.Phase = p } }
	return []Verb{
		{CommandPause, "No new trials start; running ones go on.", []Phase{PhaseRunning}, to(PhasePaused)},
		{CommandResume, "New trials start again.", []Phase{PhasePaused}, to(PhaseRunning)},
		{CommandStop, "Running trials finish, then the sweep ends.", []Phase{PhaseRunning, PhasePaused}, to(PhaseStopping)},
		{CommandCancel, "Running trials are cancelled, their checkpoints kept; then the sweep ends.",
			[]Phase{PhaseRunning, PhasePaused, PhaseStopping}, (*Machine).cancelling},
	}
}

// verb finds a command that the phase accepts, or says why there is none.
func (p Phase) verb(name string) (Verb, error) {
	var valid []string
	for _, v := range Verbs() {
		if !slices.Contains(v.from, p) {
			continue
		}
		if v.Name == name {
			return v, nil
		}
		valid = append(valid, v.Name)
	}
	if len(valid) == 0 {
		return Verb{}, fmt.Errorf("cannot %s a sweep that is %s: no command is valid any more", name, p)
	}
	return Verb{}, fmt.Errorf("cannot %s a sweep that is %s: valid now: %s", name, p, strings.Join(valid, ", "))
}

// Check says why a command is refused now; nil when it is accepted.
func (m *Machine) Check(e Commanded) error {
	if e.By == "" {
		return fmt.Errorf("cannot %s sweep %q: by is empty; say who asks", e.Name, m.spec.Name)
	}
	_, err := m.Phase.verb(e.Name)
	return err
}

// obey carries out a command, and notes it.
func (m *Machine) obey(e Commanded) {
	v, err := m.Phase.verb(e.Name)
	if err != nil {
		return
	}
	v.apply(m)
	m.Audit = append(m.Audit, AuditEntry{At: m.now, Command: e.Name, By: e.By, Reason: e.Reason})
	m.Audit = m.Audit[max(0, len(m.Audit)-auditLimit):]
	m.Message = ""
	if m.Phase != PhaseRunning {
		m.Message = e.Name + " by " + e.By
		if e.Reason != "" {
			m.Message += ": " + e.Reason
		}
	}
}
