package worker

import (
	"sync"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// eventQueue stores events while an earlier one is handled, so that an upload does not
// stall training. An event of the same type as the one before it replaces that one,
// so the queue stays short; checkpoints are never replaced.
type eventQueue struct {
	mu     sync.Mutex
	more   sync.Cond
	events []job.Event
	closed bool
}

func newEventQueue() *eventQueue {
	q := &eventQueue{}
	q.more.L = &q.mu
	return q
}

func (q *eventQueue) push(e job.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.events); n > 0 && q.events[n-1].Type == e.Type && e.Type != job.Checkpoint {
		q.events[n-1] = e
	} else {
		q.events = append(q.events, e)
	}
	q.more.Signal()
}

func (q *eventQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}

// next waits for an event; ok is false once the queue is closed and empty.
func (q *eventQueue) next() (e job.Event, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.events) == 0 && !q.closed {
		q.more.Wait()
	}
	if len(q.events) == 0 {
		return job.Event{}, false
	}
	e = q.events[0]
	q.events = q.events[1:]
	return e, true
}
