package trainer

import (
	"errors"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// flight is a checkpoint that is being written while the training goes on. There is
// at most one, so the order of checkpoints is that of their steps, and no more than
// one copy of the variables waits for the disk.
type flight struct {
	step int
	done chan struct{} // closed when dir and err stand
	dir  string
	err  error
}

// checkpoint copies the state of the steps done and begins to write it; an event
// names the folder when it is whole: see landed. It waits for the one before. When
// a weight is not finite it says diverged instead and returns false.
func (r *run) checkpoint() (ok bool, err error) {
	if err := r.settle(); err != nil {
		return false, err
	}
	s, err := r.snapshot()
	if errors.Is(err, errNotFinite) {
		return false, r.diverge(r.step)
	}
	if err != nil {
		return false, err
	}
	f := &flight{step: r.step, done: make(chan struct{})}
	go func() {
		defer close(f.done)
		f.dir, f.err = r.put(s)
	}()
	r.flight, r.saved = f, r.step
	return true, nil
}

// landed settles the checkpoint in flight if it has ended.
func (r *run) landed() error {
	if r.flight == nil {
		return nil
	}
	select {
	case <-r.flight.done:
		return r.settle()
	default:
		return nil
	}
}

// settle waits for the checkpoint in flight, if any, and names its folder in an
// event, or returns what went wrong with it.
func (r *run) settle() error {
	f := r.flight
	if f == nil {
		return nil
	}
	<-f.done
	r.flight = nil
	if f.err != nil {
		return f.err
	}
	return r.options.Events(job.Event{Type: job.Checkpoint, Step: f.step, Steps: r.settings.Steps, Dir: f.dir})
}
