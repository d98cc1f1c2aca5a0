package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Policy says how often and how fast an operation is tried again. The wait before
// try n+1 is First*2^(n-1), at most Most, times a random factor from 0.5 to 1.5.
type Policy struct {
	First, Most time.Duration
	Tries       uint // in all, at least 1
	// Notify is called before each wait, with the error and the number of the try
	// that failed. It may be nil.
	Notify func(err error, try uint, wait time.Duration)
	// Progressed is called after each try that failed. If it returns true, the try
	// achieved something, and counts as the first one. It may be nil.
	Progressed func() bool
}

// Permanent marks an error after which Do does not try again. Do returns err itself.
// Permanent(nil) is nil.
func Permanent(err error) error { return backoff.Permanent(err) }

// Do calls op until it succeeds, returns a Permanent error, has been called
// p.Tries times, or ctx ends, and returns op's last error. When ctx ended, the
// error wraps its cause too.
func Do(ctx context.Context, p Policy, op func() error) error {
	var last error
	try := uint(0)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.Multiplier = p.First, p.Most, 2
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		try++
		last = op()
		if last != nil && p.Progressed != nil && p.Progressed() {
			try = 1
			wait.Reset()
		}
		if try >= p.Tries {
			return struct{}{}, Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, wait time.Duration) {
			if p.Notify != nil {
				p.Notify(err, try, wait)
			}
		}))
	for permanent := new(backoff.PermanentError); errors.As(err, &permanent); {
		err = permanent.Unwrap()
	}
	if err != nil && ctx.Err() != nil && !errors.Is(last, err) {
		return fmt.Errorf("%w: %w", last, err)
	}
	return err
}

// Until calls done every so often until it returns true or an error, or ctx ends.
func Until(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
