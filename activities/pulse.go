package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// pulse sends the heartbeats of one attempt of an activity: at every report and, while
// nothing is reported, at a fixed interval, so that compiling does not look like a lost
// worker. If no step finishes for the stall timeout it stops the heartbeats and cancels
// the attempt's context, so that a hung child does not hold its slot.
type pulse struct {
	attempt context.Context // ends with the activity's, or at a stall
	cancel  context.CancelCauseFunc
	beats   context.Context // the activity's own
	limits  Transfers
	started time.Time
	done    chan struct{} // closed by stop
	stopped chan struct{} // closed by the ticker when it has ended

	mu    sync.Mutex
	last  Heartbeat
	moved time.Time // when a step last finished, or images were read
	busy  int       // transfers in progress, which have their own limits
}

func (a *Activities) startPulse(ctx context.Context, stage Stage, attempt int) *pulse {
	now := time.Now()
	p := &pulse{
		beats: ctx, limits: a.transfers(), started: now, moved: now, last: Heartbeat{Stage: stage, Attempt: attempt},
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

// idle returns the time since the last progress, and the step of it.
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

// progress stores a report of the job, and sends a heartbeat.
func (p *pulse) progress(report Progress) {
	p.mu.Lock()
	if report.Step != p.last.Progress.Step || report.Loaded != p.last.Progress.Loaded || report.Checkpoint != "" {
		p.moved = time.Now()
	}
	p.last.Progress = finite(report)
	p.mu.Unlock()
	p.beat()
}

// checkpoint stores that the attempt can be resumed from ref, and sends a heartbeat.
func (p *pulse) checkpoint(ref CheckpointRef) {
	p.mu.Lock()
	p.last.Checkpoint = ref
	p.mu.Unlock()
	p.beat()
}

// transfer runs move, an upload or a download, and retries it while the store is
// unreachable, so that a restart of the store costs no attempt. The stall timeout is
// suspended meanwhile. Once the worker stops, the next try is the last.
func (p *pulse) transfer(move func(ctx context.Context) error) error {
	defer p.suspendStall()()
	stop := activity.GetWorkerStopChannel(p.beats)
	began, rest := time.Now(), p.limits.Rest
	for {
		err := p.try(move)
		if err == nil || isPermanent(err) || p.attempt.Err() != nil {
			return err
		}
		select {
		case <-stop:
			return &sweep.FailureError{Err: err, Failure: sweep.Failure{
				Class: sweep.FailPreempted, Message: "the worker is stopping and a transfer failed: " + err.Error(),
			}}
		default:
		}
		if waited := time.Since(began); waited >= p.limits.Patience {
			return fmt.Errorf("tried for %v: %w", waited.Round(time.Second), err)
		}
		activity.GetLogger(p.beats).Warn("a transfer failed and is tried again", "rest", rest, "error", err)
		select {
		case <-time.After(rest):
		case <-stop:
		case <-p.attempt.Done():
		}
		rest = min(2*rest, p.limits.MaxRest)
	}
}

// suspendStall suspends the stall timeout until end is called.
func (p *pulse) suspendStall() (end func()) {
	p.mu.Lock()
	p.busy++
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.busy--
		p.moved = time.Now()
		p.mu.Unlock()
	}
}

// dataset downloads the files of d. It has no time limit of its own.
func (p *pulse) dataset(port Datasets, d sweep.Dataset) error {
	if port == nil {
		return nil
	}
	defer p.suspendStall()()
	return port.Dataset(p.attempt, d)
}

// try calls move once, with the time limit of a transfer.
func (p *pulse) try(move func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(p.attempt, p.limits.Timeout)
	defer cancel()
	return move(ctx)
}

// isPermanent reports whether the next try of a transfer fails the same way.
func isPermanent(err error) bool {
	if reason := BlockReason(err); reason != "" {
		return reason != block.Unreachable
	}
	var local *fs.PathError
	return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrConflict) || errors.As(err, &local)
}

// stop stops the heartbeats and returns the last one. If the attempt failed because
// its own context ended, the error is the cause of that.
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

// finite returns p without a curve point that is not finite, which JSON cannot carry.
func finite(p Progress) Progress {
	if p.Point != nil && !p.Point.IsFinite() {
		p.Point = nil
	}
	if !sweep.IsFinite(p.StepsPerSecond) {
		p.StepsPerSecond = 0
	}
	return p
}
