package retry_test

import (
	"context"
	"errors"
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
}

func TestUntil(t *testing.T) {
	calls := 0
	require.NoError(t, retry.Until(t.Context(), time.Microsecond, func() (bool, error) { calls++; return calls == 3, nil }))
	require.Equal(t, 3, calls)
	require.ErrorIs(t, retry.Until(t.Context(), time.Hour, func() (bool, error) { return false, errFault }), errFault)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, retry.Until(ctx, time.Hour, func() (bool, error) { cancel(); return false, nil }), context.Canceled)
}
