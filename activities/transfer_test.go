package activities_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

var errAway error = away{}

// away is the error of a store that fails.
type away struct{}

func (away) Error() string   { return "store is away" }
func (away) Transient() bool { return true }

// hasty tries again at once, for up to a minute.
var hasty = activities.Transfers{Timeout: time.Minute, FirstWait: time.Millisecond, MaxWait: 4 * time.Millisecond, RetryFor: time.Minute}

// uploads has a function called before each upload, with its number from 1.
type uploads struct {
	*activitiestest.Archive
	before func(ctx context.Context, n int) error
	n      int
}

// For implements activities.Archive.
func (u *uploads) For(context.Context, sweep.Identity, string) (activities.Checkpoints, activities.Records, error) {
	return u, u, nil
}

func (u *uploads) Upload(ctx context.Context, name string, trial, attempt int, dir string) (activities.CheckpointRef, error) {
	u.n++
	if err := u.before(ctx, u.n); err != nil {
		return activities.CheckpointRef{}, err
	}
	return u.Archive.Upload(ctx, name, trial, attempt, dir)
}

// away has a method of the archive fail until the attempt has sent 10 heartbeats
// since, or two seconds have passed.
func (b *bench) away(method string) {
	b.archive.Fail(method, errAway)
	go func() {
		for since, end := b.heartbeatCount(), time.Now().Add(2*time.Second); b.heartbeatCount() < since+10 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		b.archive.Fail(method, nil)
	}()
}

func TestTrainOutlivesTheStore(t *testing.T) {
	for _, method := range []string{"List", "Download", "Upload"} {
		t.Run(method, func(t *testing.T) {
			b := newBench(t)
			b.Transfers, b.HeartbeatEvery, b.StallTimeout = hasty, 40*time.Millisecond, 200*time.Millisecond // away for 10 heartbeats: longer than a stall
			b.archive.Store(0, 1, 100, false)
			b.away(method)
			result, err := b.train(input(0, 2))
			require.NoError(t, err)
			require.Equal(t, 300, result.Checkpoint.Step)
			require.Equal(t, []activitiestest.Job{{Trial: 0, Attempt: 2, From: 100, Parent: activitiestest.Key(0, 1, 100)}}, b.trainer.Jobs(),
				"one child, which continues from the last checkpoint")
			require.GreaterOrEqual(t, b.heartbeatCount(), 10, "the worker counts as lost while the store is away")
		})
	}
}

func TestEvaluateOutlivesTheStore(t *testing.T) {
	for _, method := range []string{"Download", "PutGrid"} {
		t.Run(method, func(t *testing.T) {
			b := newBench(t)
			b.Transfers, b.HeartbeatEvery, b.StallTimeout = hasty, 40*time.Millisecond, 200*time.Millisecond // away for 10 heartbeats: longer than a stall
			ref := b.archive.Store(0, 1, 300, false)
			b.away(method)
			_, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: sweep.Task{Spec: input(0, 1).Spec}, Checkpoint: ref})
			require.NoError(t, err)
			b.requireEmptyStaging(t)
		})
	}
}

// blocked is the error of a store that answers no request for this reason.
type blocked block.Reason

func (b blocked) Error() string             { return "blocked: " + string(b) }
func (b blocked) BlockReason() block.Reason { return block.Reason(b) }

func TestTransferIsNotTriedAgain(t *testing.T) {
	for _, failure := range []error{
		activities.ErrCorrupt, activities.ErrConflict, blocked(block.UnknownKey), &fs.PathError{Op: "write", Path: "/full", Err: fs.ErrInvalid},
		sweep.Fail(sweep.FailBadData, errors.New("too large")), sweep.Fail(sweep.FailBug, errors.New("not a plain file")),
	} {
		t.Run(failure.Error(), func(t *testing.T) {
			b := newBench(t)
			u := &uploads{Archive: b.archive, before: func(context.Context, int) error { return fmt.Errorf("upload: %w", failure) }}
			b.Transfers, b.Archive = hasty, u
			_, err := b.train(input(0, 1))
			require.ErrorContains(t, err, failure.Error())
			require.Equal(t, 1, u.n)
		})
	}
}

func TestTransferLosesPatience(t *testing.T) {
	b := newBench(t)
	b.Transfers = hasty
	b.Transfers.RetryFor = 500 * time.Millisecond
	u := &uploads{Archive: b.archive, before: func(_ context.Context, n int) error {
		if n == 3 {
			time.Sleep(b.Transfers.RetryFor) // so that this try is the last, on however busy a machine
		}
		return errAway
	}}
	b.Archive = u
	_, err := b.train(input(0, 1))
	require.Equal(t, string(block.Other), typeOf(t, err), "no restart is counted")
	require.ErrorContains(t, err, "store is away")
	require.Equal(t, 3, u.n)
}

// Only a store that fails or does not answer is not the fault of the trial: one that refuses
// an object for ever must not block the trial for ever.
func TestATransferThatKeepsFailingCounts(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("400 EntityTooLarge"), string(sweep.FailTransient)},
		{errAway, string(block.Other)},
		{context.DeadlineExceeded, string(block.Other)},
		{blocked(block.Unreachable), string(block.Unreachable)},
	} {
		for _, method := range []string{"Download", "Upload", "PutGrid"} {
			t.Run(test.err.Error()+" "+method, func(t *testing.T) {
				b := newBench(t)
				b.Transfers = hasty
				b.Transfers.RetryFor = 20 * time.Millisecond
				ref := b.archive.Store(4, 1, 100, false)
				b.archive.Fail(method, fmt.Errorf("transfer: %w", test.err))
				var err error
				if method == "PutGrid" {
					_, err = b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: input(4, 2).Task, Checkpoint: ref})
				} else {
					_, err = b.train(input(4, 2))
				}
				require.Equal(t, test.want, typeOf(t, err), err)
				require.ErrorContains(t, err, test.err.Error())
			})
		}
	}
}

func TestTransferThatHangsIsTriedAgain(t *testing.T) {
	b := newBench(t)
	u := &uploads{Archive: b.archive, before: func(ctx context.Context, n int) error {
		if n > 1 {
			return nil
		}
		<-ctx.Done() // a peer that has stopped reading
		return ctx.Err()
	}}
	b.Transfers, b.Archive = hasty, u
	b.Transfers.Timeout = 10 * time.Millisecond
	result, err := b.train(input(0, 1))
	require.NoError(t, err)
	require.Equal(t, 300, result.Checkpoint.Step)
}

var toSweep = activities.Receiver{Workflow: "sweep/s", Name: "blocked"}

// untilShown has a method of the archive fail until an attempt has reported that, and then
// once more.
func (b *bench) untilShown(method string) *activitiestest.Executions {
	failure := fmt.Errorf("%w: %w", errAway, blocked(block.Unreachable))
	b.archive.Fail(method, failure)
	b.Transfers.RetryFor = 10 * time.Second // if it is never shown
	e := &activitiestest.Executions{}
	warnings, shown := 0, 0
	e.Receive = func(activities.Receiver, any) error { shown = warnings; return nil }
	b.warned = func() {
		if warnings++; shown > 0 && warnings > shown {
			b.archive.Fail(method, nil)
		}
	}
	b.Executions = e
	return e
}

// A store that stays away is shown, and no longer once it is back.
func TestATransferThatFailsForLongIsShown(t *testing.T) {
	for _, method := range []string{"List", "Download", "Upload", "PutGrid"} {
		t.Run(method, func(t *testing.T) {
			b := newBench(t)
			b.Transfers = hasty
			b.Transfers.ShowAfter = 20 * time.Millisecond
			ref := b.archive.Store(4, 1, 100, false)
			sent := b.untilShown(method)
			var ended activities.Shown
			if method == "PutGrid" {
				value, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: input(4, 2).Task, Checkpoint: ref, Report: toSweep})
				require.NoError(t, err)
				require.NoError(t, value.Get(&ended))
			} else {
				in := input(4, 2)
				in.Report = toSweep
				result, err := b.train(in)
				require.NoError(t, err)
				ended = result.Shown
			}
			require.Empty(t, ended)
			signals := sent.Signals()
			require.Len(t, signals, 2, "it is reported once, and taken back once")
			cause := signals[0].Content.(conduct.TrialBlocked).Cause
			require.Equal(t, block.Unreachable, cause.Reason)
			require.Contains(t, cause.Message, "store is away")
			require.Equal(t, activitiestest.Sent{Receiver: toSweep, Content: conduct.TrialBlocked{Trial: 4, Cause: cause}}, signals[0])
			require.Equal(t, activitiestest.Sent{Receiver: toSweep, Content: conduct.TrialBlocked{Trial: 4}}, signals[1])
			heartbeats := sent.Heartbeats()
			require.Len(t, heartbeats, 1, "Temporal has it before the signal is sent")
			require.Equal(t, activities.Shown{BlockedBy: block.Unreachable}, heartbeats[0].Shown)
		})
	}
}

// hung is the error of a store that was silent.
type hung struct{ error }

func (hung) Silence() time.Duration { return 20 * time.Second }

// A try that failed because the store was silent counts from the beginning of the silence.
func TestASilentStoreIsShownAfterTheFirstTry(t *testing.T) {
	b := newBench(t)
	b.Transfers = hasty
	b.Transfers.ShowAfter = 15 * time.Second
	b.archive.Fail("List", fmt.Errorf("%w: %w", hung{errAway}, blocked(block.Unreachable)))
	executions := &activitiestest.Executions{}
	b.warned = func() { b.archive.Fail("List", nil) }
	b.Executions = executions
	in := input(4, 1)
	in.Report = toSweep
	_, err := b.train(in)
	require.NoError(t, err)
	signals := executions.Signals()
	require.Len(t, signals, 2)
	require.Equal(t, block.Unreachable, signals[0].Content.(conduct.TrialBlocked).Cause.Reason)
	require.Nil(t, signals[1].Content.(conduct.TrialBlocked).Cause)
}

// An attempt that fails while it is shown as blocked, or cannot report that it no longer is,
// says so.
func TestAnAttemptSaysThatItIsShownAsBlocked(t *testing.T) {
	b := newBench(t)
	b.Transfers = hasty
	b.Transfers.ShowAfter, b.Transfers.RetryFor = 0, 20*time.Millisecond
	b.archive.Fail("Upload", errAway)
	b.Executions = &activitiestest.Executions{GaveUp: true}
	in := input(4, 1)
	in.Report = toSweep
	_, err := b.train(in)
	require.Error(t, err)
	require.Empty(t, b.Executions.(*activitiestest.Executions).Signals(), "another attempt may have taken over")

	b = newBench(t)
	b.Transfers = hasty
	b.Transfers.ShowAfter, b.Transfers.RetryFor = 0, 20*time.Millisecond
	b.archive.Fail("Upload", errAway)
	_, err = b.train(in)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var last activities.Heartbeat
	require.NoError(t, application.Details(&last))
	require.Equal(t, activities.Shown{BlockedBy: block.Other}, last.Shown)

	b = newBench(t)
	b.Transfers = hasty
	b.Transfers.ShowAfter = 0
	sent := b.untilShown("Upload")
	fails := sent.Receive
	sent.Receive = func(to activities.Receiver, content any) error {
		if content.(conduct.TrialBlocked).Cause == nil {
			return errAway
		}
		return fails(to, content)
	}
	result, err := b.train(in)
	require.NoError(t, err)
	require.Equal(t, activities.Shown{BlockedBy: block.Unreachable}, result.Shown)
}

func TestTransferEndsWithTheWorker(t *testing.T) {
	for name, stopped := range map[string]bool{"which stopped before": true, "which stops between two tries": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			stop, tries := make(chan struct{}), 1
			if stopped {
				close(stop)
			} else {
				tries = 2
			}
			b.env.SetWorkerStopChannel(stop)
			b.warned = func() { close(stop) } // it waits for the second try
			u := &uploads{Archive: b.archive, before: func(context.Context, int) error { return errAway }}
			b.Transfers, b.Archive = hasty, u
			b.Transfers.FirstWait = 10 * time.Minute // is cut short
			_, err := b.train(input(0, 1))
			require.Equal(t, string(sweep.FailPreempted), typeOf(t, err), "the trial continues elsewhere, and no restart is counted")
			require.ErrorContains(t, err, "store is away")
			require.Equal(t, tries, u.n)
		})
	}
}

func typeOf(t *testing.T, err error) string {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	return application.Type()
}
