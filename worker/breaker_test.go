package worker

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// breakerRig is a breaker with a clock of its own.
type breakerRig struct {
	*breaker
	clock   time.Time
	resting bool
	noPolls time.Time          // until when no request for a trial is sent
	waits   chan time.Duration // that ReserveSlot asks the clock for
	over    chan time.Time     // ends such a wait
}

func newBreakerRig(slots int) *breakerRig { return newRig(trainingRests, slots) }

func newRig(rests rests, slots int) *breakerRig {
	r := &breakerRig{clock: time.Unix(1_000_000, 0), waits: make(chan time.Duration, 10), over: make(chan time.Time)}
	r.breaker = newBreaker(rests, slots, slog.New(slog.DiscardHandler), func(resting bool) { r.resting = resting }, func(rest time.Time) { r.noPolls = rest })
	r.now = func() time.Time { return r.clock }
	r.after = func(d time.Duration) <-chan time.Time {
		r.waits <- d
		return r.over
	}
	return r
}

// fail plays an attempt that takes a second, after the rest.
func (r *breakerRig) fail(trial string, class sweep.FailureClass) { r.end(trial, string(class)) }

// end plays an attempt that ends with an error of a type.
func (r *breakerRig) end(trial, errorType string) {
	r.clock = r.clock.Add(r.rest())
	since := r.clock
	r.clock = r.clock.Add(time.Second)
	r.failed(since, trial, errorType, "on purpose")
}

// rest is how long the breaker keeps slots back from now.
func (r *breakerRig) rest() time.Duration { return max(0, r.until.Sub(r.clock)) }

func TestBreakerRests(t *testing.T) {
	r := newBreakerRig(1)
	r.fail("1", sweep.FailEnvironment)
	require.Equal(t, 10*time.Second, r.rest(), "one failure to start is enough")
	require.True(t, r.resting)
	require.Equal(t, r.until, r.noPolls, "no request for a trial waits at the server")
	require.Greater(t, r.rest(), sweep.FailEnvironment.Policy().After(0), "another worker gets the trial")
	r.fail("1", sweep.FailEnvironment)
	require.Equal(t, 20*time.Second, r.rest(), "also of the same trial")
	for range 20 {
		r.fail("1", sweep.FailEnvironment)
	}
	require.Equal(t, maxRest, r.rest())
	since := r.clock
	r.clock = r.clock.Add(time.Second)
	r.moved(since)
	require.Zero(t, r.rest())
	require.Zero(t, r.noPolls)
	require.False(t, r.resting)

	for _, class := range []sweep.FailureClass{sweep.FailLost, sweep.FailOutOfMemory} {
		r = newBreakerRig(1)
		for range 5 {
			r.fail("1", class)
		}
		require.Zero(t, r.rest(), "it may be the trial: %s", class)
		r.fail("2", class)
		require.Zero(t, r.rest())
		r.fail("3", class)
		require.Equal(t, firstRest, r.rest(), "three trials in a row: %s", class)
	}

	for _, class := range []sweep.FailureClass{sweep.FailBug, sweep.FailBadData, sweep.FailTransient, sweep.FailPreempted, "no_bucket"} {
		r = newBreakerRig(1)
		for _, trial := range []string{"1", "2", "3", "4"} {
			r.fail(trial, class)
		}
		require.Zero(t, r.rest(), "not the machine: %s", class)
	}
}

// A worker with a wrong clock, or of an older build, would take each trial again.
func TestBreakerRestsWhereThisProcessIsRefused(t *testing.T) {
	for _, reason := range block.Reasons() {
		if reason == block.Environment {
			continue // a class of failure, too
		}
		r := newBreakerRig(1)
		r.end("1", string(reason))
		if !reason.OfProcess() {
			require.Zero(t, r.rest(), "it is the same for another worker: %s", reason)
			continue
		}
		require.Equal(t, firstRest, r.rest(), "%s", reason)
		require.Greater(t, r.rest(), sweep.FailTransient.Policy().After(0), "another worker gets the trial")
		require.Equal(t, r.until, r.noPolls)
		r.end("1", string(reason))
		require.Equal(t, 2*firstRest, r.rest(), "%s", reason)
		for range 10 {
			r.end("1", string(reason))
		}
		most := maxRefused
		if reason == block.WrongBuild {
			most = maxRest
		}
		require.Equal(t, most, r.rest(), "%s", reason)
	}
}

// docs/reliability.md has these times: three trials in a row fail with max_restarts 5.
func TestBrokenWorkerAlone(t *testing.T) {
	for atOnce, want := range map[int]time.Duration{1: 65 * time.Minute, 4: 90 * time.Minute} {
		r := newBreakerRig(1)
		began := r.clock
		attempts := map[int]int{}
		for failed, next := 0, 0; failed < 3; next++ {
			trial := failed + next%atOnce
			if attempts[trial]++; attempts[trial] == 6 {
				failed++
				next = -1
			}
			r.fail(fmt.Sprint(trial), sweep.FailEnvironment)
		}
		require.InDelta(t, want.Minutes(), r.clock.Sub(began).Minutes(), 1, "%d trials at a time", atOnce)
	}
}

// Next to a worker with a wrong clock, all tries of an operation could get to that worker.
func TestBreakerOfTheControlQueue(t *testing.T) {
	const others, slots = "no_bucket", 3
	for _, reason := range append(block.Reasons(), "transient", "conflict", others) {
		r := newRig(controlRests, slots)
		r.end("sweep", string(reason))
		if !reason.OfProcess() || reason == block.WrongStore || reason == block.WrongBuild {
			require.Zero(t, r.rest(), "another worker, or another sweep, is not better: %s", reason)
			continue
		}
		require.Equal(t, firstRest, r.rest(), "%s", reason)
		require.Equal(t, r.until, r.noPolls)
		require.Nil(t, r.TryReserveSlot(nil), "nor does it run what its own workflow tasks schedule")
	}

	r := newRig(controlRests, slots)
	for range 30 {
		for range 2 { // the second is within a workflow task, before anything else asks for a slot
			r.end("sweep", string(block.Clock))
			require.Equal(t, firstRest, r.rest(), "the only worker tries again soon")
		}
		r.moved(r.clock)
		require.Equal(t, firstRest, r.rest(), "of an operation without the store")
		r.clock = r.clock.Add(firstRest)
		for range slots {
			require.NotNil(t, r.TryReserveSlot(nil), "each sweep tries again")
		}
		for range slots {
			r.release(nil)
		}
	}
}

func TestBreakerCountsAnIncidentOnce(t *testing.T) {
	r := newBreakerRig(4)
	before := r.clock
	r.fail("1", sweep.FailEnvironment)
	for _, trial := range []string{"2", "3", "4"} {
		r.failed(before, trial, string(sweep.FailEnvironment), "the same full disk")
	}
	require.Equal(t, firstRest, r.rest())
	r.moved(before)
	require.True(t, r.resting, "an attempt that began before proves nothing")

	during := r.clock.Add(time.Second) // the worker was asking for a trial already
	r.clock = r.clock.Add(2 * time.Second)
	r.failed(during, "5", string(sweep.FailEnvironment), "the same full disk")
	require.Equal(t, firstRest-2*time.Second, r.rest(), "the rest is not longer")
	r.moved(during)
	require.False(t, r.resting, "the disk has room again")
}

func TestBreakerLetsOneAttemptThrough(t *testing.T) {
	r := newBreakerRig(2)
	first, err := r.ReserveSlot(t.Context(), nil)
	require.NoError(t, err)
	second := r.TryReserveSlot(nil)
	require.NotNil(t, second)
	require.Nil(t, r.TryReserveSlot(nil), "two slots")

	r.fail("1", sweep.FailEnvironment)
	r.release(first)
	r.release(second)
	require.Nil(t, r.TryReserveSlot(nil), "it rests")

	reserved := make(chan *sdk.SlotPermit)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		permit, err := r.ReserveSlot(ctx, nil)
		if err != nil {
			permit = nil
		}
		reserved <- permit
	}()
	require.Equal(t, firstRest, <-r.waits)
	cancel()
	require.Nil(t, <-reserved, "the worker stops")

	go func() {
		permit, _ := r.ReserveSlot(t.Context(), nil)
		reserved <- permit
	}()
	require.Equal(t, firstRest, <-r.waits)
	r.mu.Lock()
	r.clock = r.clock.Add(firstRest)
	r.mu.Unlock()
	r.over <- r.clock
	probe := <-reserved
	require.NotNil(t, probe)
	require.False(t, r.resting, "an idle worker whose rest is over takes trials")
	require.Nil(t, r.TryReserveSlot(nil), "one attempt at a time")
	r.release(probe) // there was no trial to take
	probe = r.TryReserveSlot(nil)
	require.NotNil(t, probe)

	go func() {
		permit, _ := r.ReserveSlot(t.Context(), nil)
		reserved <- permit
	}()
	r.moved(r.clock)
	require.NotNil(t, <-reserved, "the attempt has made a step")
	r.release(probe)
	require.NotNil(t, r.TryReserveSlot(nil))
	require.False(t, r.resting)
}

func TestBreakerWatchesAttempts(t *testing.T) {
	r := newBreakerRig(1)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(sdk.Options{Interceptors: []interceptor.WorkerInterceptor{&watched{breaker: r.breaker}}})
	var beat *activities.Heartbeat
	var end error
	attempt := func(ctx context.Context) error {
		r.clock = r.clock.Add(time.Second)
		if beat != nil {
			activity.RecordHeartbeat(ctx, *beat)
		}
		return end
	}
	env.RegisterActivity(attempt)
	play := func(b *activities.Heartbeat, err error) {
		beat, end = b, err
		r.clock = r.clock.Add(r.rest() + time.Second)
		_, got := env.ExecuteActivity(attempt)
		require.Equal(t, err == nil, got == nil)
	}
	broken := temporal.NewApplicationError("exec format error", string(sweep.FailEnvironment))
	play(nil, broken)
	require.Equal(t, firstRest, r.rest())
	play(&activities.Heartbeat{Stage: activities.StageTrain, Progress: activities.Progress{Step: 200}}, broken)
	require.Equal(t, 2*firstRest, r.rest(), "it resumed, and made no step")
	play(&activities.Heartbeat{Stage: activities.StageTrain, Progress: activities.Progress{Step: 201, StepsPerSecond: 3}}, temporal.NewApplicationError("", string(sweep.FailBug)))
	require.Zero(t, r.failures, "it made a step")
	play(nil, broken)
	play(nil, nil)
	require.Zero(t, r.failures, "it succeeded")
}
