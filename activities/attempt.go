package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// attempt is one running attempt of Train or Evaluate. It sends heartbeats: at every report
// and, while nothing is reported, at a fixed interval, so that compiling does not look like
// a lost worker. If no step finishes for the stall timeout, it stops the heartbeats and
// cancels its context, so that a hung child does not keep its slot.
type attempt struct {
	ctx        context.Context // ends with the activity's, at a stall, or when the attempt is lost
	cancel     context.CancelCauseFunc
	parent     context.Context // the activity's own
	limits     Transfers
	executions Executions
	trial      int
	report     Receiver // of a conduct.TrialBlocked
	started    time.Time
	every      time.Duration // between heartbeats
	done       chan struct{} // closed by stop
	stopped    chan struct{} // closed by the ticker when it has ended

	mu    sync.Mutex
	last  Heartbeat
	moved time.Time // when a step last finished, or images were read
	awake time.Time // when this process last checked whether it was stopped
	late  bool      // the process was stopped for too long
	busy  int       // transfers in progress, which have their own limits
}

func (a *Activities) startAttempt(ctx context.Context, stage Stage, t sweep.Task, report Receiver, blockedBy block.Reason) *attempt {
	now := time.Now()
	at := &attempt{
		parent: ctx, limits: a.transfers(), executions: a.Executions, trial: t.Assignment.Number, report: report,
		started: now, every: a.heartbeatEvery(), moved: now, awake: now, last: Heartbeat{Stage: stage, Attempt: t.Attempt, Shown: Shown{BlockedBy: blockedBy}},
		done: make(chan struct{}), stopped: make(chan struct{}),
	}
	at.ctx, at.cancel = context.WithCancelCause(ctx)
	go at.sendHeartbeats(a.stallTimeout())
	return at
}

func (at *attempt) sendHeartbeats(stall time.Duration) {
	defer close(at.stopped)
	ticker := time.NewTicker(at.every)
	defer ticker.Stop()
	for {
		if idle, step := at.idle(); idle >= stall {
			at.cancel(&sweep.FailureError{Failure: sweep.Failure{
				Class:   sweep.FailTransient,
				Message: fmt.Sprintf("no step finished for %v after step %d: the attempt was ended", stall, step),
			}})
			return
		}
		at.heartbeat()
		select {
		case <-at.done:
			return
		case <-at.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// idle returns the time since the last progress, and the step of it.
func (at *attempt) idle() (time.Duration, int) {
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.busy > 0 {
		return 0, at.last.Progress.Step
	}
	return time.Since(at.moved), at.last.Progress.Step
}

// heartbeat sends a heartbeat, but none within the first interval, since each one is a
// transaction of the server and a short attempt needs none. The SDK would delay the next
// ones after an early first one anyway.
func (at *attempt) heartbeat() {
	if at.lost() {
		return
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	age := time.Since(at.started)
	at.last.Seconds = age.Seconds()
	if age < at.every {
		return
	}
	activity.RecordHeartbeat(at.parent, at.last)
}

// lost ends the attempt if this process was stopped for so long that Temporal counts it as
// lost: another attempt may have finished the trial and removed its other checkpoints, and one
// that this attempt still stores would remain until `gc`. Nothing was sent for up to one
// interval before the process was stopped.
func (at *attempt) lost() bool {
	at.mu.Lock()
	defer at.mu.Unlock()
	now := time.Now()
	silent := max(now.Sub(at.awake), now.Round(0).Sub(at.awake)) // the monotonic clock of a suspended machine stands still
	at.awake = now
	if !at.late && silent >= HeartbeatTimeout-at.every {
		at.late = true
		at.cancel(&sweep.FailureError{Failure: sweep.Failure{
			Class:   sweep.FailLost,
			Message: fmt.Sprintf("the worker did not run for %v: another attempt takes over", silent.Round(time.Second)),
		}})
	}
	return at.late
}

// progress stores a report of the job, and sends a heartbeat.
func (at *attempt) progress(report Progress) {
	at.mu.Lock()
	if report.Step != at.last.Progress.Step || report.Loaded != at.last.Progress.Loaded || report.Reports != at.last.Progress.Reports || report.Checkpoint != "" {
		at.moved = time.Now()
	}
	at.last.Progress = finite(report)
	at.mu.Unlock()
	at.heartbeat()
}

// checkpoint stores that the attempt can be resumed from ref, and sends a heartbeat.
func (at *attempt) checkpoint(ref CheckpointRef) {
	at.mu.Lock()
	at.last.Checkpoint = ref
	at.mu.Unlock()
	at.heartbeat()
}

// transfer runs move, an upload or a download, and retries it while the store is
// unreachable, so that a restart of the store costs no attempt. If that lasts, the sweep
// shows the trial as blocked meanwhile. The stall timeout is suspended. Once the worker
// stops, the next try is the last.
func (at *attempt) transfer(move func(ctx context.Context) error) error {
	return at.transferSized(func(ctx context.Context, _ func(int64)) error { return move(ctx) })
}

// transferSized is transfer with a move that says, once it knows, how many bytes there are: the
// time limit of a try follows from that.
func (at *attempt) transferSized(move func(ctx context.Context, size func(bytes int64)) error) error {
	defer at.suspendStall()()
	if at.lost() {
		return context.Cause(at.ctx)
	}
	stop := activity.GetWorkerStopChannel(at.parent)
	var failing time.Time // since when tries fail
	shown := false
	err := retry.Do(at.ctx, retry.Policy{
		First: at.limits.FirstWait, Most: at.limits.MaxWait, For: at.limits.RetryFor, Stop: stop,
		Notify: func(err error, _ uint, wait time.Duration) {
			activity.GetLogger(at.parent).Warn("a transfer failed and is tried again", "wait", wait, "error", err)
			if failing.IsZero() {
				failing = time.Now().Add(-silenceOf(err))
			}
			if !shown && time.Since(failing) >= at.limits.ShowAfter {
				shown = at.block(err)
			}
		},
	}, func() error {
		err := at.try(move)
		if err != nil && isPermanent(err) {
			return retry.Permanent(err)
		}
		return err
	})
	if err == nil && shown {
		at.unblock()
	}
	if err == nil || isPermanent(err) || at.ctx.Err() != nil {
		return err
	}
	select {
	case <-stop:
		return &sweep.FailureError{Err: err, Failure: sweep.Failure{
			Class: sweep.FailPreempted, Message: "the worker is stopping and a transfer failed: " + err.Error(),
		}}
	default:
		if isAway(err) {
			return &awayError{err}
		}
		return err
	}
}

// reportTimeout bounds each request of a report to the sweep.
const reportTimeout = 10 * time.Second

// block reports to the sweep that the trial is blocked. Temporal receives a heartbeat with the
// reason before, so that the report is taken back even if the worker is lost then.
func (at *attempt) block(cause error) (reported bool) {
	reason := cmp.Or(BlockReason(cause), block.Other)
	at.mu.Lock()
	at.last.BlockedBy = reason
	at.mu.Unlock()
	at.heartbeat() // the SDK may be about to send the one before
	ctx, cancel := context.WithTimeout(at.ctx, reportTimeout)
	awaited, err := at.executions.Awaits(ctx, activity.GetInfo(at.parent).TaskToken, at.detail())
	cancel()
	if err == nil && awaited {
		err = at.signal(&conduct.BlockCause{Reason: reason, Message: message(cause)})
	}
	if err != nil {
		activity.GetLogger(at.parent).Warn("the sweep does not show yet that the trial is blocked", "error", err)
	}
	return err == nil && awaited
}

// unblock reports to the sweep that the trial is not blocked, if it may show it as blocked.
func (at *attempt) unblock() {
	if at.detail().BlockedBy == "" {
		return
	}
	if err := at.signal(nil); err != nil { // the workflow repeats it when the attempt ends
		activity.GetLogger(at.parent).Warn("the sweep shows the trial as blocked until its attempt ends", "error", err)
		return
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	at.last.BlockedBy = ""
}

// firstMove returns a function that takes whether the job has moved. At the first time that it
// has, the trial is reported as not blocked: the store has answered the requests of the attempt,
// and the machine runs the job. For a reason that may concern only writes, it does nothing.
func (at *attempt) firstMove() func(moved bool) {
	done := at.detail().BlockedBy.OfWrites()
	return func(moved bool) {
		if moved && !done {
			done = true // if the report fails, the next transfer repeats it
			at.unblock()
		}
	}
}

// signal signals to the sweep that the trial is blocked or, without a cause, that it is not.
func (at *attempt) signal(cause *conduct.BlockCause) error {
	ctx, cancel := context.WithTimeout(at.ctx, reportTimeout)
	defer cancel()
	return at.executions.Signal(ctx, at.report, conduct.TrialBlocked{Trial: at.trial, Cause: cause})
}

// detail returns the last heartbeat.
func (at *attempt) detail() Heartbeat {
	at.mu.Lock()
	defer at.mu.Unlock()
	return at.last
}

// awayError means that the store was away for too long. That is not the fault of the trial, so
// it is blocked, as by a store that refuses requests.
type awayError struct{ error }

// Unwrap returns the error of the last try.
func (e *awayError) Unwrap() error { return e.error }

// BlockReason returns the reason as workflows read it.
func (e *awayError) BlockReason() block.Reason { return cmp.Or(BlockReason(e.error), block.Other) }

// suspendStall suspends the stall timeout until end is called.
func (at *attempt) suspendStall() (end func()) {
	at.mu.Lock()
	at.busy++
	at.mu.Unlock()
	return func() {
		at.mu.Lock()
		at.busy--
		at.moved = time.Now()
		at.mu.Unlock()
	}
}

// dataset downloads the files of d. It has no time limit of its own.
func (at *attempt) dataset(port Datasets, d sweep.Dataset) error {
	if port == nil || d.Name == "" {
		return nil
	}
	defer at.suspendStall()()
	return port.Dataset(at.ctx, d)
}

// errSlow ends a try of a transfer that takes too long.
var errSlow = errors.New("the transfer took too long")

// try calls move once, with the time limit of a transfer.
func (at *attempt) try(move func(ctx context.Context, size func(bytes int64)) error) error {
	ctx, cancel := context.WithCancelCause(at.ctx)
	defer cancel(nil)
	limit := time.AfterFunc(at.limits.Timeout, func() { cancel(errSlow) })
	defer limit.Stop()
	err := move(ctx, func(bytes int64) { limit.Reset(at.limits.timeout(bytes)) })
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		err = fmt.Errorf("%w (%w): %w", errSlow, context.DeadlineExceeded, err)
	}
	return err
}

// isPermanent reports whether the next try of a transfer fails the same way.
func isPermanent(err error) bool {
	if reason := BlockReason(err); reason != "" {
		return reason != block.Unreachable
	}
	var failure *sweep.FailureError
	if errors.As(err, &failure) && !failure.Class.Policy().Retried {
		return true
	}
	var local *fs.PathError
	return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrConflict) || errors.As(err, &local)
}

// silenceOf returns how long the store was silent before a transfer failed because of that.
func silenceOf(err error) time.Duration {
	var silent interface {
		error
		Silence() time.Duration
	}
	if !errors.As(err, &silent) {
		return 0
	}
	return silent.Silence()
}

// isAway reports whether a transfer failed because of the store or the way to it. The cause of
// another error may be the object itself.
func isAway(err error) bool {
	var transient interface {
		error
		Transient() bool
	}
	return BlockReason(err) == block.Unreachable || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &transient) && transient.Transient()
}

// stop stops the heartbeats and returns the last one. If the attempt failed because
// its own context ended, the error is the cause of that.
func (at *attempt) stop(err error) (Heartbeat, error) {
	close(at.done)
	<-at.stopped
	if cause := context.Cause(at.ctx); err != nil && cause != nil && at.parent.Err() == nil {
		err = cause
	}
	at.cancel(nil)
	at.mu.Lock()
	defer at.mu.Unlock()
	at.last.Seconds = time.Since(at.started).Seconds()
	return at.last, err
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
