package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// How long a worker takes no trials after failures of its machine: doubled with each
// further one. The first rest is longer than the first wait of a trial, and of an operation of
// a sweep, so that another worker gets it. A worker that the store refuses may be the only one,
// and has to notice soon that it no longer is refused; it costs a trial 5 s to find that out. One
// that got a trial of a sweep of another store must not delay those of its own store for long.
const (
	firstRest  = 10 * time.Second
	maxRest    = 5 * time.Minute
	maxRefused = 30 * time.Second
)

// rests says after which failures a worker rests, and for how long.
type rests struct {
	from        string                     // what it does not take, in words
	limit       func(errorType string) int // failures in a row of this type, 0 if they do not count
	first, most time.Duration
	probes      bool // after a rest, one attempt at a time is let through until one makes a step
}

// Of the training and of the control queue. Operations of sweeps are short, the only worker
// has to try them again soon, and a success says nothing, since some need no store: so the
// control queue rests for the same time after each failure.
var (
	trainingRests = rests{from: "trials", limit: limitOf, first: firstRest, most: maxRest, probes: true}
	controlRests  = rests{from: "operations of sweeps", limit: storeLimit, first: firstRest, most: firstRest}
)

// breaker supplies the slots for the activities of a worker, and keeps them back while
// attempts fail because of the worker (see rests), since a worker on which every attempt fails
// at once would otherwise take all of them. When a rest begins, it ends the requests for an
// activity that wait at the server already: each would take one more. Attempts are counted
// until one that began after the last failure makes a step or succeeds. Those that began before
// the last failure, or in the rest after it because they were on their way to the worker, count
// with it. Of several in a row of the same trial, out of memory or lost, the first counts.
type breaker struct {
	rests
	slots chan struct{}
	log   *slog.Logger
	show  func(resting bool)
	polls func(rest time.Time) // ends the requests for activities until this time; see Polls
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu       sync.Mutex
	failures int       // in a row
	counted  time.Time // when the last one ended
	trial    string    // of the last one
	until    time.Time // end of the rest; zero while nothing is kept back
	probing  *sdk.SlotPermit
	changed  chan struct{} // closed at a change
}

func newBreaker(r rests, slots int, log *slog.Logger, show func(resting bool), polls func(rest time.Time)) *breaker {
	return &breaker{
		rests: r, slots: make(chan struct{}, slots), log: log, show: show, polls: polls, now: time.Now, after: time.After, changed: make(chan struct{}),
	}
}

// notify wakes the calls that wait for a change. b.mu is locked.
func (b *breaker) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// limitOf returns after how many attempts in a row that end with an error of a type the
// worker rests: sweep.Policy.MachineLimit, or 1 where the store refuses this process. 0: the
// cause is not the worker.
func limitOf(errorType string) int {
	if block.Reason(errorType).OfProcess() {
		return 1
	}
	return sweep.FailureClass(errorType).Policy().MachineLimit
}

// storeLimit is limitOf for operations of sweeps: 1 where the store refuses every request of
// this process, and 0 for anything else. A sweep of another store or build is refused too, but
// must not delay others.
func storeLimit(errorType string) int {
	if reason := block.Reason(errorType); reason.OfProcess() && reason != block.WrongStore && reason != block.WrongBuild {
		return 1
	}
	return 0
}

// failed counts an attempt at a trial, or at an operation of a sweep, since a time, that ended
// with an error of a type.
func (b *breaker) failed(since time.Time, trial, errorType, message string) {
	limit := b.limit(errorType)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case limit == 0, since.Before(b.counted), since.Before(b.until), limit > 1 && trial == b.trial:
		return
	}
	b.failures++
	b.counted, b.trial = b.now(), trial
	if b.failures < limit {
		return
	}
	rest, most := b.first, b.most
	if reason := block.Reason(errorType); reason.OfProcess() && reason != block.WrongBuild {
		most = min(most, maxRefused)
	}
	for range b.failures - limit {
		rest = min(2*rest, most)
	}
	b.until = b.counted.Add(rest)
	b.log.Warn("this worker takes no "+b.from+" for a time, since attempts fail because of its machine, build or configuration", "rest", rest,
		"failures", b.failures, "type", errorType, "workflow", trial, "error", message)
	b.show(true)
	b.notify()
	b.polls(b.until)
}

// moved notes that an attempt, since a time, has made a step or succeeded.
func (b *breaker) moved(since time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.probes || b.failures == 0 || since.Before(b.counted) {
		return
	}
	if !b.until.IsZero() {
		b.log.Info("this worker takes " + b.from + " again")
		b.show(false)
		b.polls(time.Time{})
	}
	b.failures, b.trial, b.until, b.probing = 0, "", time.Time{}, nil
	b.notify()
}

// pass lets an attempt through, or returns how long the rest is (0: until a change) and
// what is closed at a change.
func (b *breaker) pass() (permit *sdk.SlotPermit, rest time.Duration, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	permit = &sdk.SlotPermit{}
	if b.until.IsZero() {
		return permit, 0, nil
	}
	if rest := b.until.Sub(b.now()); rest > 0 {
		return nil, rest, b.changed
	}
	if !b.probes {
		b.failures, b.trial, b.until = 0, "", time.Time{}
		b.show(false)
		return permit, 0, nil
	}
	if b.probing != nil {
		return nil, 0, b.changed
	}
	b.probing = permit
	b.show(false)
	return permit, 0, nil
}

// ReserveSlot implements sdk.SlotSupplier.
func (b *breaker) ReserveSlot(ctx context.Context, _ sdk.SlotReservationInfo) (*sdk.SlotPermit, error) {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		permit, rest, changed := b.pass()
		if permit != nil {
			return permit, nil
		}
		var over <-chan time.Time
		if rest > 0 {
			over = b.after(rest)
		}
		select {
		case <-over:
		case <-changed:
		case <-ctx.Done():
			<-b.slots
			return nil, ctx.Err()
		}
	}
}

// TryReserveSlot implements sdk.SlotSupplier.
func (b *breaker) TryReserveSlot(sdk.SlotReservationInfo) *sdk.SlotPermit {
	select {
	case b.slots <- struct{}{}:
	default:
		return nil
	}
	permit, _, _ := b.pass()
	if permit == nil {
		<-b.slots
	}
	return permit
}

// MarkSlotUsed implements sdk.SlotSupplier.
func (*breaker) MarkSlotUsed(sdk.SlotMarkUsedInfo) {}

// ReleaseSlot implements sdk.SlotSupplier.
func (b *breaker) ReleaseSlot(info sdk.SlotReleaseInfo) { b.release(info.Permit()) }

func (b *breaker) release(permit *sdk.SlotPermit) {
	b.mu.Lock()
	if b.probing != nil && b.probing == permit {
		b.probing = nil
		b.notify()
	}
	b.mu.Unlock()
	<-b.slots
}

// MaxSlots implements sdk.SlotSupplier.
func (b *breaker) MaxSlots() int { return cap(b.slots) }

// tuner is the worker's tuner with these slots for activities, and others for each other kind
// of task.
func (b *breaker) tuner(others int) (sdk.WorkerTuner, error) {
	var fixed [3]sdk.SlotSupplier
	for i := range fixed {
		var err error
		if fixed[i], err = sdk.NewFixedSizeSlotSupplier(others); err != nil {
			return nil, fmt.Errorf("slots of the worker: %w", err)
		}
	}
	return sdk.NewCompositeTuner(sdk.CompositeTunerOptions{
		WorkflowSlotSupplier: fixed[0], ActivitySlotSupplier: b, LocalActivitySlotSupplier: fixed[1], NexusSlotSupplier: fixed[2], SessionActivitySlotSupplier: fixed[2],
	})
}

// watched is the interceptor that reports to a breaker how attempts fare.
type watched struct {
	interceptor.WorkerInterceptorBase
	breaker *breaker
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (w *watched) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &watchedAttempt{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, breaker: w.breaker}
}

// watchedAttempt is one attempt.
type watchedAttempt struct {
	interceptor.ActivityInboundInterceptorBase
	breaker *breaker
	since   time.Time
}

// Init implements interceptor.ActivityInboundInterceptor.
func (w *watchedAttempt) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	return w.Next.Init(&watchedBeats{interceptor.ActivityOutboundInterceptorBase{Next: outbound}, w})
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (w *watchedAttempt) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	w.since = w.breaker.now()
	result, err := w.Next.ExecuteActivity(ctx, in)
	var failure *temporal.ApplicationError
	switch {
	case err == nil:
		w.breaker.moved(w.since)
	case errors.As(err, &failure):
		w.breaker.failed(w.since, activity.GetInfo(ctx).WorkflowExecution.ID, failure.Type(), failure.Message())
	}
	return result, err
}

// watchedBeats looks for steps in the heartbeats of an attempt.
type watchedBeats struct {
	interceptor.ActivityOutboundInterceptorBase
	attempt *watchedAttempt
}

// RecordHeartbeat implements interceptor.ActivityOutboundInterceptor.
func (w *watchedBeats) RecordHeartbeat(ctx context.Context, details ...any) {
	for _, d := range details {
		if beat, ok := d.(activities.Heartbeat); ok && (beat.Progress.Point != nil || beat.Progress.StepsPerSecond > 0 || beat.Stage == activities.StageEvaluate && beat.Progress.Step > 0) {
			w.attempt.breaker.moved(w.attempt.since)
		}
	}
	w.Next.RecordHeartbeat(ctx, details...)
}
