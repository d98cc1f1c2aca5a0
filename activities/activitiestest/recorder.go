package activitiestest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

// Recorder is a fake that remembers. Safe for concurrent use.
type Recorder struct {
	mu       sync.Mutex
	restarts []sweep.FailureClass
	ended    []int
	stored   int64
	pictures int
	states   []activities.SweepNumbers
}

// TrialProgress implements activities.Recorder.
func (r *Recorder) TrialProgress(string, int, activities.Progress) {}

// EvaluationProgress implements activities.Recorder.
func (r *Recorder) EvaluationProgress(_ string, _, pictures int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pictures = pictures
}

// Pictures is how many pictures the last evaluation had done.
func (r *Recorder) Pictures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pictures
}

// TrialEnded implements activities.Recorder.
func (r *Recorder) TrialEnded(_ string, t sweep.Trial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, t.Number)
}

// Restart implements activities.Recorder.
func (r *Recorder) Restart(_ string, class sweep.FailureClass) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts = append(r.restarts, class)
}

// CheckpointStored implements activities.Recorder.
func (r *Recorder) CheckpointStored(_ string, bytes int64, _ float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stored += bytes
}

// SweepState implements activities.Recorder.
func (r *Recorder) SweepState(_ string, s activities.SweepNumbers) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, s)
}

// Restarts are the classes of the restarts so far.
func (r *Recorder) Restarts() []sweep.FailureClass {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.restarts)
}

// Ended has the number of each trial whose series were removed, once an attempt.
func (r *Recorder) Ended() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ended)
}

// StoredBytes is the size of all checkpoints.
func (r *Recorder) StoredBytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored
}

// States are the sweep's numbers, as they were shown.
func (r *Recorder) States() []activities.SweepNumbers {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.states)
}

// Executions is a fake: a workflow that it has no state of is unknown. Safe for
// concurrent use.
type Executions struct {
	Started time.Time // of every workflow

	// Receive takes each signal; nil accepts it.
	Receive func(to activities.Receiver, content any) error

	GaveUp bool // nothing waits for any attempt

	mu         sync.Mutex
	states     map[string]activities.ExecutionStatus
	signals    []Sent
	heartbeats []activities.Heartbeat
}

// Sent is a signal.
type Sent struct {
	activities.Receiver
	Content any
}

// Set gives a workflow a state.
func (e *Executions) Set(workflowID string, s activities.ExecutionStatus) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.states == nil {
		e.states = map[string]activities.ExecutionStatus{}
	}
	e.states[workflowID] = s
}

// Status implements activities.Executions.
func (e *Executions) Status(_ context.Context, workflowID string) (activities.ExecutionStatus, time.Time, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, ok := e.states[workflowID]
	if !ok {
		return "", time.Time{}, activities.ErrNoExecution
	}
	return s, e.Started, nil
}

// Signal implements activities.Executions.
func (e *Executions) Signal(_ context.Context, to activities.Receiver, content any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.signals = append(e.signals, Sent{to, content})
	if e.Receive != nil {
		return e.Receive(to, content)
	}
	return nil
}

// Awaits implements activities.Executions.
func (e *Executions) Awaits(_ context.Context, _ []byte, h activities.Heartbeat) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heartbeats = append(e.heartbeats, h)
	return !e.GaveUp, nil
}

// Heartbeats returns those of Awaits.
func (e *Executions) Heartbeats() []activities.Heartbeat {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heartbeats)
}

// Signals returns what was signalled.
func (e *Executions) Signals() []Sent {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.signals)
}
