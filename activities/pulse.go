package activities

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/sweep"
)

// pulse is an activity's heartbeat. It beats on every report and, while nothing
// is reported, on a ticker, so that compiling does not look like a lost worker.
// When no step has finished for the stall timeout it stops beating and ends the
// attempt's context, so that a hung child does not hold its slot.
type pulse struct {
	attempt context.Context // ends with the activity's, or at a stall
	cancel  context.CancelCauseFunc
	beats   context.Context // the activity's own
	started time.Time
	done    chan struct{} // closed by stop
	stopped chan struct{} // closed by the ticker when it has ended

	mu    sync.Mutex
	last  Heartbeat
	moved time.Time // when a step last finished
	busy  int       // transfers under way: they have timeouts of their own
}

func (a *Activities) startPulse(ctx context.Context, stage Stage, attempt int) *pulse {
	now := time.Now()
	p := &pulse{
		beats: ctx, started: now, moved: now, last: Heartbeat{Stage: stage, Attempt: attempt},
		done: make(chan struct{}), stopped: make(chan struct{}),
	}
	p.attempt, p.cancel = context.WithCancelCause(ctx)
	go p.tick(a.beatEvery(), a.stallTimeout())
	return p
}

func (p *pulse) tick(every, stall time.Duration) {
	defer close(p.stopped)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if idle, step := p.idle(); idle >= stall {
			p.cancel(&sweep.FailureError{Failure: sweep.Failure{
				Class:   sweep.FailTransient,
				Message: fmt.Sprintf("no step finished for %v after step %d: the attempt was ended", stall, step),
			}})
			return
		}
		p.beat()
		select {
		case <-p.done:
			return
		case <-p.attempt.Done():
			return
		case <-ticker.C:
		}
	}
}

// idle is how long nothing has moved, and where it stands.
func (p *pulse) idle() (time.Duration, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy > 0 {
		return 0, p.last.Progress.Step
	}
	return time.Since(p.moved), p.last.Progress.Step
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Seconds = time.Since(p.started).Seconds()
	activity.RecordHeartbeat(p.beats, p.last)
}

// progress takes a report of the job.
func (p *pulse) progress(report Progress) {
	p.mu.Lock()
	if report.Step != p.last.Progress.Step || report.Checkpoint != "" {
		p.moved = time.Now()
	}
	p.last.Progress = finite(report)
	p.mu.Unlock()
	p.beat()
}

// checkpoint says that the attempt can be resumed from ref from now on.
func (p *pulse) checkpoint(ref CheckpointRef) {
	p.mu.Lock()
	p.last.Checkpoint = ref
	p.mu.Unlock()
	p.beat()
}

// transfer runs f, during which no step needs to finish.
func (p *pulse) transfer(f func() error) error {
	p.mu.Lock()
	p.busy++
	p.mu.Unlock()
	err := f()
	p.mu.Lock()
	p.busy--
	p.moved = time.Now()
	p.mu.Unlock()
	return err
}

// stop ends the beating and returns the attempt as far as it came. When the
// attempt failed because its own context ended, the cause of that is the error.
func (p *pulse) stop(err error) (Heartbeat, error) {
	close(p.done)
	<-p.stopped
	if cause := context.Cause(p.attempt); err != nil && cause != nil && p.beats.Err() == nil {
		err = cause
	}
	p.cancel(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Seconds = time.Since(p.started).Seconds()
	return p.last, err
}

// finite replaces what JSON has no word for: a diverging loss is not finite.
func finite(p Progress) Progress {
	for _, f := range []*float64{&p.Loss, &p.LossDDPM, &p.LossInfonce, &p.LossAlignment, &p.StepsPerSecond} {
		*f = finiteOrZero(*f)
	}
	return p
}

func finiteOrZero(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
