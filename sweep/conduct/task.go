package conduct

import (
	"fmt"
	"slices"
)

// issue reports whether a task must be issued now, and gives it the ID of this try.
func (m *Machine) issue(t *Task) bool {
	if t == nil || t.ID > 0 || m.waits(t.Kind) {
		return false
	}
	m.LastID++
	t.ID = m.LastID
	return true
}

func (m *Machine) act(a Action) { m.out = append(m.out, a) }

// completes removes the task with this ID and kind from its place, and unblocks its
// kind; nil when it is not outstanding.
func (m *Machine) completes(place **Task, id int, kind Kind) *Task {
	t := *place
	if t == nil || t.ID != id || t.Kind != kind {
		return nil
	}
	*place = nil
	m.Blocked = slices.DeleteFunc(m.Blocked, func(b Block) bool { return b.Kind == kind })
	return t
}

// doing describes a task.
func (m *Machine) doing(t *Task) string {
	switch t.Kind {
	case KindSuggest:
		if t.Count > 1 {
			return fmt.Sprintf("suggest trials %d to %d", t.Number, t.Number+t.Count-1)
		}
		return fmt.Sprintf("suggest trial %d", t.Number)
	case KindStart:
		return fmt.Sprintf("start trial %d", t.Number)
	case KindAppend:
		return fmt.Sprintf("append ledger segment %d", m.Segments)
	case KindRank:
		return "rank the best trials"
	case KindCurate:
		return "point at the best trials and remove checkpoints of others"
	case KindSave:
		return "store the commands and the state"
	default:
		return "look for silent trials"
	}
}

// failed handles an action that was not carried out. It is tried again, after a delay
// that grows, until it works. A bug, which fails the same way at each try, ends the
// sweep; one in Curate or Look does not, since the ledger stays complete.
func (m *Machine) failed(e Failed) {
	for _, place := range m.places() {
		t := *place
		if t == nil || t.ID != e.ID {
			continue
		}
		doing := m.doing(t)
		if e.Permanent && t.Kind != KindCurate && t.Kind != KindLook && t.Kind != KindSave {
			*place = nil
			m.abandon(t, doing+": "+e.Message)
			return
		}
		m.block(t.Kind, doing, e.BlockCause)
		switch t.Kind {
		case KindSuggest: // what is asked for next may be something else
			*place = nil
		case KindLook:
			for _, n := range t.Silent {
				m.markSilent(n)
			}
			*place = nil
		case KindSave: // by then there may be more entries
			*place = nil
		case KindCurate: // by then there may be other leaders
			m.PointerOutdated = true
			*place = nil
		default: // the content of a segment stays
			t.ID = 0
		}
		return
	}
}

// places lists where tasks are.
func (m *Machine) places() []**Task {
	list := []**Task{&m.Main, &m.Looking, &m.Curating, &m.Saving}
	for i := range m.Running {
		list = append(list, &m.Running[i].Starting)
	}
	return list
}

// abandon fails the sweep because an action cannot be carried out. If a start failed,
// the trial may still exist, so a Look checks it. If the ledger failed, the sweep does
// not wait for results, since it could not record them.
func (m *Machine) abandon(t *Task, reason string) {
	switch t.Kind {
	case KindStart:
		m.markSilent(t.Number)
	case KindAppend, KindRank:
		m.LedgerBroken = true
		m.Rerank = m.Rerank || t.Again
	}
	m.fail(reason)
}
