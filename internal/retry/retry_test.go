package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/retry"
)

var (
	fast     = retry.Policy{First: time.Microsecond, Most: time.Microsecond, Tries: 3}
	errFault = errors.New("fault")
)

func TestDoTriesAsOftenAsThePolicySays(t *testing.T) {
	calls := 0
	var notified []uint
	p := fast
	p.Notify = func(err error, try uint, _ time.Duration) {
		require.ErrorIs(t, err, errFault)
		notified = append(notified, try)
	}
	require.ErrorIs(t, retry.Do(t.Context(), p, func() error { calls++; return errFault }), errFault)
	require.Equal(t, 3, calls)
	require.Equal(t, []uint{1, 2}, notified)

	calls = 0
	require.NoError(t, retry.Do(t.Context(), fast, func() error {
		if calls++; calls < 3 {
			return errFault
		}
		return nil
	}))
}

func TestDoTriesForAsLongAsThePolicySays(t *testing.T) {
	p := fast
	p.For = time.Hour
	calls := 0
	require.NoError(t, retry.Do(t.Context(), p, func() error {
		if calls++; calls <= int(2*p.Tries) {
			return errFault
		}
		return nil
	}), "the number of tries does not count")

	p.For, calls = time.Nanosecond, 0
	err := retry.Do(t.Context(), p, func() error { calls++; return errFault })
	require.ErrorIs(t, err, errFault)
	require.EqualError(t, err, "tried for 0s: fault")
	require.Equal(t, 1, calls)
}

func TestDoTriesOnceMoreWhenItIsStopped(t *testing.T) {
	stop, calls := make(chan struct{}), 0
	p := retry.Policy{First: time.Hour, Most: time.Hour, For: time.Hour, Stop: stop, Notify: func(error, uint, time.Duration) { close(stop) }}
	fails := func() error { calls++; return errFault }
	require.Equal(t, errFault, retry.Do(t.Context(), p, fails))
	require.Equal(t, 2, calls)

	calls = 0
	require.Equal(t, errFault, retry.Do(t.Context(), p, fails))
	require.Equal(t, 1, calls, "it was stopped before")
}

func TestATryThatProgressedCountsAsTheFirst(t *testing.T) {
	calls := 0
	p := fast
	p.Progressed = func() bool { return calls <= 4 }
	require.ErrorIs(t, retry.Do(t.Context(), p, func() error { calls++; return errFault }), errFault)
	require.Equal(t, 6, calls)
}

func TestDoEndsAtAPermanentError(t *testing.T) {
	for _, tries := range []uint{0, 1, 3} {
		calls := 0
		err := retry.Do(t.Context(), retry.Policy{Tries: tries}, func() error { calls++; return retry.Permanent(errFault) })
		require.Equal(t, errFault, err, "without the mark")
		require.Equal(t, 1, calls)
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	err := retry.Do(ctx, retry.Policy{First: time.Hour, Most: time.Hour, Tries: 9}, func() error { cancel(stopped); return errFault })
	require.ErrorIs(t, err, errFault)
	require.ErrorIs(t, err, stopped)

	failed := fmt.Errorf("put: %w", stopped)
	require.Equal(t, failed, retry.Do(ctx, fast, func() error { return failed }), "which has the cause")
}

func TestUntil(t *testing.T) {
	calls := 0
	require.NoError(t, retry.Until(t.Context(), time.Microsecond, func() (bool, error) { calls++; return calls == 3, nil }))
	require.Equal(t, 3, calls)
	require.ErrorIs(t, retry.Until(t.Context(), time.Hour, func() (bool, error) { return false, errFault }), errFault)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, retry.Until(ctx, time.Hour, func() (bool, error) { cancel(); return false, nil }), context.Canceled)
}
