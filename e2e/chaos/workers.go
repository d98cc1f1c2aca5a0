package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Faults of workers: frozen, drained, broken, older, or with a wrong clock.

// freezeWorker stops the worker until a second one has taken its trials over. Then both
// run for a while, and the second one drains.
func freezeWorker(ctx context.Context, r *round) error {
	if err := r.site.startWorker(ctx, "b"); err != nil {
		return err
	}
	if err := r.site.workers["a"].signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err := r.takeOver(ctx, frozen)
	if err = errors.Join(err, r.site.workers["a"].signal(syscall.SIGCONT)); err != nil {
		return fmt.Errorf("the second worker does not take over: %w", err)
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	return r.site.drain("b")
}

// brokenWorker starts a second worker on which no trainer starts. It must rest after the
// first trial that it takes, and leave the others to the first worker.
func brokenWorker(ctx context.Context, r *round) error {
	if err := r.site.start(ctx, r.site.program, "b", "--trainer", "false"); err != nil {
		return err
	}
	rests := false
	err := within(ctx, commandLimit, func() (bool, error) {
		page, err := r.site.workers["b"].metrics(ctx)
		rests = strings.Contains(page, "tailsweep_worker_resting 1")
		return rests || r.over(ctx), err
	})
	if err == nil {
		moved := r.mark()
		err = within(ctx, soon, func() (bool, error) { return moved.all(ctx) || r.over(ctx), nil })
	}
	if err := errors.Join(err, r.site.drain("b")); err != nil {
		return fmt.Errorf("next to a worker whose trainer does not start (rests: %t): %w", rests, err)
	}
	return nil
}

// drain ends a worker with SIGTERM, or with SIGKILL if it does not drain.
func (s *site) drain(name string) error {
	w := s.workers[name]
	delete(s.workers, name)
	err := w.signal(syscall.SIGTERM)
	if err == nil {
		select {
		case <-w.ended:
		case <-time.After(drainLimit):
			err = errors.New("it does not drain")
		}
	}
	if err != nil {
		w.kill()
		return fmt.Errorf("worker %s: %w", name, err)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("worker %s drained with exit code %d", name, code)
	}
	return nil
}

// restore drains the workers that a failed fault has left, and starts those that it ended.
func (s *site) restore(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.workers)) {
		if !slices.Contains(lasting, name) {
			errs = append(errs, s.drain(name))
		}
	}
	for _, name := range lasting {
		if s.workers[name] == nil {
			errs = append(errs, s.startWorker(ctx, name))
		}
	}
	return errors.Join(errs...)
}

// wrongClockFor lets a worker have a wrong clock. The store refuses its requests, and list
// says so.
func wrongClockFor(name string, by time.Duration) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if _, err := r.anyRunning(ctx, hashes); err != nil {
			return err
		}
		correct, err := setClock(r.site.workers[name].cmd.Process.Pid, by)
		if err != nil {
			return err
		}
		return errors.Join(r.shown(ctx, "clock_skew"), correct())
	}
}

// wrongClockNextTo lets one of two workers have a wrong clock: the other one does the work.
func wrongClockNextTo(ctx context.Context, r *round) error {
	correct, err := setClock(r.site.workers["a"].cmd.Process.Pid, time.Hour)
	if err != nil {
		return err
	}
	err = r.site.startWorker(ctx, "b")
	if err == nil {
		err = r.takeOver(ctx, blocked)
	}
	if err = errors.Join(err, correct()); err != nil {
		return err
	}
	return r.site.drain("b")
}

// olderTrains leaves the trainings to a worker that does not know a field of the specs. It
// refuses them, list says so, and the right worker gets them afterwards.
func olderTrains(ctx context.Context, r *round) error {
	if r.site.older == "" {
		return fmt.Errorf("%w: there is no older build", errSkipped)
	}
	if _, err := r.anyRunning(ctx, hashes); err != nil {
		return err
	}
	if err := r.site.start(ctx, r.site.older, "older", "--only", "training"); err != nil {
		return err
	}
	if err := r.site.start(ctx, r.site.program, "control", "--only", "control"); err != nil {
		return err
	}
	if err := r.site.drain("a"); err != nil {
		return err
	}
	err := r.shown(ctx, "wrong_build")
	return errors.Join(err, r.site.startWorker(ctx, "a"), r.site.drain("older"), r.site.drain("control"))
}

// olderNextTo starts a worker that does not know a field of the specs next to the right one.
// It must not harm: it refuses trainings, and the workflows wait for the other.
func olderNextTo(ctx context.Context, r *round) error {
	if r.site.older == "" {
		return fmt.Errorf("%w: there is no older build", errSkipped)
	}
	if err := r.site.start(ctx, r.site.older, "older"); err != nil {
		return err
	}
	return errors.Join(r.takeOver(ctx, blocked), r.site.drain("older"))
}

func drainWorker(ctx context.Context, r *round) error {
	if err := r.site.drain("a"); err != nil {
		return err
	}
	return r.site.startWorker(ctx, "a")
}

func handOver(ctx context.Context, r *round) error {
	if err := r.site.startWorker(ctx, "b"); err != nil {
		return err
	}
	if err := r.site.drain("a"); err != nil {
		return err
	}
	r.site.workers["a"] = r.site.workers["b"]
	delete(r.site.workers, "b")
	return nil
}
