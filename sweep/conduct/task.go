package conduct

import (
	"fmt"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
)

// issue reports whether a task is to be issued now, and gives it the ID of this try.
func (m *Machine) issue(t *Task) bool {
	if t == nil || t.ID > 0 || m.resting(t.Kind) {
		return false
	}
	m.LastID++
	t.ID = m.LastID
	return true
}

func (m *Machine) act(a Action) { m.out = append(m.out, a) }

// completes takes the task with this ID and kind out of its place, and unblocks its
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

// doing is a task in words.
func (m *Machine) doing(t *Task) string {
	switch t.Kind {
	case KindSuggest:
		return fmt.Sprintf("suggest trial %d", t.Number)
	case KindStart:
		return fmt.Sprintf("start trial %d", t.Number)
	case KindAppend:
		return fmt.Sprintf("append ledger segment %d", m.Segments)
	case KindRank:
		return "rank the best trials"
	case KindCurate:
		return "point at the best trials and remove checkpoints of others"
	default:
		return "look for silent trials"
	}
}

// failed handles an action that was not carried out. It is tried again, after a delay
// that grows, until it works. A bug, which fails the same way at each try, ends the
// sweep; one in Curate or Look does not, since the ledger has the truth.
func (m *Machine) failed(e Failed) {
	for _, place := range []**Task{&m.Main, &m.Looking, &m.Curating} {
		t := *place
		if t == nil || t.ID != e.ID {
			continue
		}
		doing := m.doing(t)
		if e.Permanent && t.Kind != KindCurate && t.Kind != KindLook {
			*place = nil
			m.abandon(t, doing+": "+e.Message)
			return
		}
		m.block(t.Kind, doing, e.Trouble)
		switch t.Kind {
		case KindSuggest: // what is asked for next may be something else
			*place = nil
		case KindLook:
			for _, n := range t.Silent {
				m.suspect(n)
			}
			*place = nil
		case KindCurate: // by then there may be other leaders
			m.Stale = true
			*place = nil
		default: // the content of a segment stays
			t.ID = 0
		}
		return
	}
}

// abandon ends the sweep for a fault in a task. A trial whose start failed is looked
// for. Without its ledger the sweep cannot wait for the results of its trials.
func (m *Machine) abandon(t *Task, fault string) {
	switch t.Kind {
	case KindStart:
		m.started(t.Number)
		m.suspect(t.Number)
	case KindAppend, KindRank:
		m.Broken = true
	}
	m.fail(fault)
}

// block notes that a kind of action keeps failing, and when it is tried again.
func (m *Machine) block(kind Kind, doing string, why Trouble) {
	i := slices.IndexFunc(m.Blocked, func(b Block) bool { return b.Kind == kind })
	if i < 0 {
		m.Blocked = append(m.Blocked, Block{Kind: kind, Since: m.now})
		i = len(m.Blocked) - 1
	}
	b := &m.Blocked[i]
	b.Doing, b.Trouble = doing, why
	delay := retryFirst
	for range b.Failures {
		delay = min(2*delay, retryMax)
	}
	b.Failures++
	b.RetryAt = m.now.Add(delay)
}

// blockTrial notes that a trial cannot go on, or that it can again.
func (m *Machine) blockTrial(t TrialTrouble) {
	switch r := m.running(t.Trial); {
	case r == nil:
	case t.Trouble == nil:
		r.Blocked = nil
	case r.Blocked == nil:
		r.Blocked = &Block{Kind: KindTrial, Doing: fmt.Sprintf("continue trial %d", t.Trial), Trouble: *t.Trouble, Since: m.now, Failures: 1}
	default:
		r.Blocked.Trouble = *t.Trouble
		r.Blocked.Failures++
	}
}

// blocks are what keeps failing: actions, then trials, those with the same reason as
// one.
func (m *Machine) blocks() []Block {
	list := slices.Clone(m.Blocked)
	for _, reason := range block.Reasons() {
		var first *Block
		count := 0
		for _, r := range m.Running {
			if b := r.Blocked; b != nil && b.Reason == reason {
				if count++; first == nil || b.Since.Before(first.Since) {
					first = b
				}
			}
		}
		if count == 0 {
			continue
		}
		b := *first
		if count > 1 {
			b.Doing = fmt.Sprintf("continue %d trials", count)
		}
		list = append(list, b)
	}
	return list
}

// resting reports whether a kind of action waits for its next try.
func (m *Machine) resting(kind Kind) bool {
	return slices.ContainsFunc(m.Blocked, func(b Block) bool { return b.Kind == kind && m.now.Before(b.RetryAt) })
}

// unblock drops blocks of actions that are not wanted any more.
func (m *Machine) unblock() {
	m.Blocked = slices.DeleteFunc(m.Blocked, func(b Block) bool {
		switch b.Kind {
		case KindSuggest: // it waits without a task
			return m.Main == nil && !m.mayStart()
		case KindLook:
			return len(m.Running) == 0 && !m.seeks()
		case KindCurate:
			return false
		default:
			return m.Main == nil || m.Main.Kind != b.Kind
		}
	})
}

// giveUpAt is when a cancelled sweep stops waiting for a blocked action.
func (m *Machine) giveUpAt(b Block) time.Time {
	from := b.Since
	if m.CancelledAt.After(from) {
		from = *m.CancelledAt
	}
	return from.Add(giveUpAfter)
}
