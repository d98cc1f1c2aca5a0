package retry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Policy says how often, how long and how fast an operation is tried again. The wait
// before try n+1 is First*2^(n-1), at most Most, times a random factor from 0.5 to 1.5.
type Policy struct {
	First, Most time.Duration
	Tries       uint          // in all, at least 1; not used where For is set
	For         time.Duration // a try that fails after this time is the last one; 0: Tries decides
	// Stop ends a wait when it is closed, and the next try is then the last one. It may be nil.
	Stop <-chan struct{}
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

// Do calls op until it succeeds, returns a Permanent error, p allows no further try, or
// ctx ends, and returns op's last error. After p.For it says how long op was tried.
// When ctx ended, it wraps the cause too.
func Do(ctx context.Context, p Policy, op func() error) error {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval, waits.Multiplier = p.First, p.Most, 2
	began := time.Now()
	for try := uint(1); ; try++ {
		err := op()
		if err == nil {
			return nil
		}
		if cause, ok := permanent(err); ok {
			return cause
		}
		if p.Progressed != nil && p.Progressed() {
			try = 1
			waits.Reset()
		}
		tried := time.Since(began)
		switch {
		case isClosed(p.Stop), p.For == 0 && try >= p.Tries:
			return err
		case p.For > 0 && tried >= p.For:
			return fmt.Errorf("tried for %v: %w", tried.Round(time.Second), err)
		case ctx.Err() != nil:
			return withCause(ctx, err)
		}
		wait := waits.NextBackOff()
		if p.Notify != nil {
			p.Notify(err, try, wait)
		}
		select {
		case <-time.After(wait):
		case <-p.Stop:
		case <-ctx.Done():
			return withCause(ctx, err)
		}
	}
}

// permanent returns what Permanent has marked in err.
func permanent(err error) (marked error, ok bool) {
	for mark := new(backoff.PermanentError); errors.As(err, &mark); ok = true {
		err = mark.Unwrap()
	}
	return err, ok
}

func isClosed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// withCause returns err with the cause of the end of ctx.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
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
