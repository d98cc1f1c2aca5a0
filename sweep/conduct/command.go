package conduct

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Names of commands.
const (
	CommandPause   = "pause"
	CommandResume  = "resume"
	CommandStop    = "stop"
	CommandCancel  = "cancel"
	CommandExtend  = "extend"
	CommandSet     = "set"
	CommandEdit    = "edit"
	CommandEnqueue = "enqueue"
	CommandRetry   = "retry"
	CommandPin     = "pin"
	CommandUnpin   = "unpin"
)

// Command has who asks, why, and for what. Each command uses its own fields.
type Command struct {
	ID     string `json:"id,omitempty"`     // one that was applied or refused is ignored, because a client may send it twice
	By     string `json:"by"`               // at most NameLimit bytes, as ID
	Reason string `json:"reason,omitempty"` // at most ReasonLimit bytes

	Extend *Extension         `json:"extend,omitempty"` // extend
	Set    *Changes           `json:"set,omitempty"`    // set
	Spec   *sweep.Spec        `json:"spec,omitempty"`   // edit: the new spec, complete
	Points []sweep.Params     `json:"points,omitempty"` // enqueue
	Retry  []sweep.Assignment `json:"retry,omitempty"`  // retry: of ended trials
	Trials []int              `json:"trials,omitempty"` // pin, unpin
}

// CommandType is a row of the table of commands: which phases accept it, and what it does.
type CommandType struct {
	Name  string
	About string
	from  []Phase
	check func(m *Machine, c Command) error        // nil: no fields to check
	apply func(m *Machine, c Command) (did string) // did is the change in words, "" for none
}

var (
	openPhases  = []Phase{PhaseRunning, PhasePaused}
	endedPhases = []Phase{PhaseCompleted, PhaseStopped, PhaseCancelled, PhaseFailed, PhaseTerminated}
	mostPhases  = slices.Concat(openPhases, endedPhases)
)

// CommandTypes is the table of commands. After the end of a sweep, extend, enqueue, retry and
// resume continue it, and edit does if the sweep completed; the others only change it.
func CommandTypes() []CommandType {
	to := func(p Phase) func(*Machine, Command) string {
		return func(m *Machine, _ Command) string { m.Phase = p; return "" }
	}
	return []CommandType{
		{CommandPause, "No new trials start; running ones continue.", []Phase{PhaseRunning}, nil, to(PhasePaused)},
		{CommandResume, "New trials start again.", []Phase{PhasePaused, PhaseStopped, PhaseCancelled, PhaseFailed, PhaseTerminated}, nil, (*Machine).proceed},
		{CommandStop, "Running trials finish, then the sweep ends.", openPhases, nil, to(PhaseStopping)},
		{CommandCancel, "Running trials are cancelled, their checkpoints kept; then the sweep ends.",
			[]Phase{PhaseRunning, PhasePaused, PhaseStopping}, nil, func(m *Machine, _ Command) string { m.cancelling(); return "" }},
		{CommandExtend, "The budget grows.", mostPhases, (*Machine).checkExtend, (*Machine).extend},
		{CommandSet, "Concurrency, priority and description change.", slices.Concat(mostPhases, []Phase{PhaseStopping}), (*Machine).checkSet, (*Machine).set},
		{CommandEdit, "The search changes: parameters, method, metrics, constraints, gates, budget, early termination and the number of checkpoints that are kept.", mostPhases, (*Machine).checkEdit, (*Machine).edit},
		{CommandEnqueue, "Configurations are tried before the method's own.", mostPhases, (*Machine).checkEnqueue, (*Machine).enqueue},
		{CommandRetry, "Trials that failed or were cancelled are tried again, under new numbers.", mostPhases, (*Machine).checkRetry, (*Machine).retryTrials},
		{CommandPin, "Checkpoints of trials are kept.", slices.Concat(mostPhases, []Phase{PhaseStopping}), (*Machine).checkPin, (*Machine).pin},
		{CommandUnpin, "Checkpoints of trials are no longer kept by a pin.", slices.Concat(mostPhases, []Phase{PhaseStopping}), (*Machine).checkUnpin, (*Machine).unpin},
	}
}

// commandType returns the row of a command. The error says why the phase does not accept it.
func (p Phase) commandType(name string) (CommandType, error) {
	var valid []string
	for _, v := range CommandTypes() {
		if !slices.Contains(v.from, p) {
			continue
		}
		if v.Name == name {
			return v, nil
		}
		valid = append(valid, v.Name)
	}
	if len(valid) == 0 {
		return CommandType{}, fmt.Errorf("cannot %s a sweep that is %s: no command is valid until it has ended", name, p)
	}
	return CommandType{}, fmt.Errorf("cannot %s a sweep that is %s: valid now: %s", name, p, strings.Join(valid, ", "))
}

// Check says why a command is refused now; nil when it is accepted.
func (m *Machine) Check(e Commanded) error {
	v, err := m.Phase.commandType(e.Name)
	switch {
	case e.By == "":
		return fmt.Errorf("cannot %s sweep %q: by is empty; say who asks", e.Name, m.spec.Name)
	case len(e.By) > NameLimit || len(e.ID) > NameLimit:
		return fmt.Errorf("cannot %s sweep %q: by has %d bytes and id %d (valid: up to %d)", e.Name, m.spec.Name, len(e.By), len(e.ID), NameLimit)
	case len(e.Reason) > ReasonLimit:
		return fmt.Errorf("cannot %s sweep %q: reason has %d bytes (valid: up to %d)", e.Name, m.spec.Name, len(e.Reason), ReasonLimit)
	case SizeOf(e) > PayloadLimit:
		return fmt.Errorf("cannot %s sweep %q: the command has %s (valid: up to %s)", e.Name, m.spec.Name, text.Bytes(int64(SizeOf(e))), text.Bytes(PayloadLimit))
	case m.settled(e.ID):
		return nil
	case err != nil:
		return err
	case !m.canStore(e):
		return fmt.Errorf("cannot %s sweep %q: %d commands wait to be stored; is the object store reachable?", e.Name, m.spec.Name, len(m.Unsaved))
	case v.check == nil:
		return nil
	}
	if err := v.check(m, e.Command); err != nil {
		return fmt.Errorf("cannot %s sweep %q: %w", e.Name, m.spec.Name, err)
	}
	return nil
}

// canStore reports whether the entry of a further command can wait to be stored, with the
// spec that the command changes.
func (m *Machine) canStore(e Commanded) bool {
	if len(m.Unsaved) == 0 {
		return true
	}
	size := SizeOf(m.Unsaved) + SizeOf(e) + 2*changeLimit // an edit may have a second entry
	if e.Extend != nil || e.Set != nil {
		size += SizeOf(m.spec)
	}
	return len(m.Unsaved) < unsavedLimit && size <= unsavedBytes
}

// settled reports whether a command with this ID was applied or refused.
func (st *State) settled(id string) bool {
	return id != "" && slices.ContainsFunc(st.CommandLog, func(e CommandEntry) bool { return e.ID == id })
}

// applyCommand applies a command that Check accepts, and adds an entry to the command
// log. A command with an ID that is refused gets an entry, too, because its sender may no
// longer be waiting.
func (m *Machine) applyCommand(e Commanded) {
	if m.settled(e.ID) {
		return
	}
	if err := m.Check(e); err != nil {
		if e.ID != "" && len(m.Unsaved) < unsavedLimit {
			m.Closed = false
			m.addEntry(CommandEntry{ID: e.ID, Command: e.Name, By: e.By, Refused: err.Error()})
		}
		return
	}
	v, _ := m.Phase.commandType(e.Name)
	before, spec := m.Phase, m.spec
	m.Closed = false // it ends again once the command is stored
	did := v.apply(m, e.Command)
	entry := CommandEntry{ID: e.ID, Command: e.Name, By: e.By, Reason: e.Reason, Change: did, Trials: e.Trials}
	if m.spec != spec {
		entry.Spec = m.spec
	}
	m.addEntry(entry)
	m.addSkipped(e.By)
	if m.Phase == before {
		return
	}
	m.Message = ""
	if m.Phase != PhaseRunning {
		m.Message = e.Name + " by " + e.By
		if e.Reason != "" {
			m.Message += ": " + e.Reason
		}
	}
}

// addEntry adds an entry to the command log: to the part that is to be stored, and to the
// last entries, which State carries.
func (m *Machine) addEntry(e CommandEntry) {
	m.Entries++
	e.Number, e.At = m.Entries, m.now
	m.Unsaved = append(m.Unsaved, e)
	e.Spec, e.Trials = nil, nil
	m.CommandLog = append(m.CommandLog, e)
	m.CommandLog = m.CommandLog[max(0, len(m.CommandLog)-CommandLogLimit):]
}
