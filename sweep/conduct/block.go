package conduct

import (
	"fmt"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// otherWorkerWait is the longest wait after a worker was refused for its own clock, build
// or configuration. A try usually goes to the worker that has the sweep's workflow in its
// cache; while that worker rests, another one gets it.
const otherWorkerWait = 10 * time.Second

// block adds a failure of a kind of action, and sets when the action is tried again.
func (m *Machine) block(kind Kind, doing string, why BlockCause) {
	i := slices.IndexFunc(m.Blocked, func(b Block) bool { return b.Kind == kind })
	if i < 0 {
		m.Blocked = append(m.Blocked, Block{Kind: kind, Since: m.now})
		i = len(m.Blocked) - 1
	}
	b := &m.Blocked[i]
	b.Doing, b.BlockCause = doing, why
	wait := sweep.FailTransient.Policy().After(b.Failures)
	if why.Reason.OfProcess() {
		wait = min(wait, otherWorkerWait)
	}
	b.RetryAt = m.now.Add(wait)
	b.Failures++
}

// blockTrial marks a trial as blocked, or as no longer blocked.
func (m *Machine) blockTrial(t TrialBlocked) {
	switch r := m.running(t.Trial); {
	case r == nil:
	case t.Cause == nil:
		r.Blocked = nil
	case r.Blocked == nil:
		r.Blocked = &Block{Kind: KindTrial, Doing: fmt.Sprintf("continue trial %d", t.Trial), BlockCause: *t.Cause, Since: m.now, Failures: 1}
	default:
		r.Blocked.BlockCause = *t.Cause
		r.Blocked.Failures++
	}
}

// blocks lists the failing actions, then the blocked trials, one entry for each reason.
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

// waits reports whether a kind of action failed and waits for its next try.
func (m *Machine) waits(kind Kind) bool {
	return slices.ContainsFunc(m.Blocked, func(b Block) bool { return b.Kind == kind && m.now.Before(b.RetryAt) })
}

// unblock removes the blocks of actions that are no longer needed.
func (m *Machine) unblock() {
	m.Blocked = slices.DeleteFunc(m.Blocked, func(b Block) bool {
		switch b.Kind {
		case KindSuggest: // it waits without a task
			return m.Main == nil && !m.mayStart()
		case KindStart:
			return !slices.ContainsFunc(m.Running, func(r Running) bool { return r.Starting != nil })
		case KindLook:
			return len(m.Running) == 0 && !m.mustLookAhead()
		case KindCurate, KindSave:
			return false
		default:
			return m.Main == nil || m.Main.Kind != b.Kind
		}
	})
}

// giveUpAt is when a sweep that was cancelled, or has ended and only saves its state,
// stops waiting for a blocked action.
func (m *Machine) giveUpAt(b Block) time.Time {
	from := b.Since
	for _, ending := range []*time.Time{m.CancelledAt, m.EndedAt} {
		if ending != nil && ending.After(from) {
			from = *ending
		}
	}
	return from.Add(giveUpAfter)
}
