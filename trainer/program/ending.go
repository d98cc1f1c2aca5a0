package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// conclude does what the last message asks for.
func (r *run) conclude() error {
	if err := r.send(); err != nil {
		return err
	}
	if r.last.Type != job.Done {
		r.release()
		return nil
	}
	if missing := r.missing(r.found); len(missing) > 0 {
		reported := "none"
		if r.found != nil && len(r.found.Metrics) > 0 {
			reported = text.List(slices.Sorted(maps.Keys(r.found.Metrics)), maxMetrics)
		}
		for _, name := range missing {
			if r.plain != nil && r.plain.values[name] != 0 {
				reported += fmt.Sprintf("; its last value of %s is %v", name, r.plain.values[name])
			}
		}
		return bad(sweep.FailBadData, "the program has not reported %s, which the spec names (reported: %s)", text.List(missing, maxMetrics), reported)
	}
	if r.spec.EvaluatesSamples() && !r.sampled {
		return bad(sweep.FailBadData, "the checkpoint at step %d has no samples to measure the metrics of dataset on (valid: %d images of each class in samples/CLASS/ or in samples.npz)",
			r.until, r.program.SamplesPerClass)
	}
	if r.held == nil && (r.taken == nil || *r.taken != r.until) {
		s := &save{step: r.until, results: r.found}
		if r.program.Resume != "" && r.program.ResumeStep == r.until {
			var err error
			if s.dir, err = r.again(); err != nil {
				return err
			}
		}
		r.held = s
	}
	if r.held != nil && r.found == nil {
		r.found = &sweep.Evaluation{}
	}
	r.release()
	return nil
}

// finish decides how the attempt ended, after the program has.
func (r *run) finish(ctx context.Context) error {
	exit := r.process.Exit()
	if r.err == nil && r.last == nil {
		r.err = r.silence(exit) // what waits is sealed: another attempt may continue from it
	}
	for r.sealing { // what is being sealed must not stay partial
		if err := r.wasSealed(<-r.sealed); err != nil {
			r.queue = nil
			if r.err == nil {
				r.err = err
			}
		}
		if ctx.Err() != nil {
			r.queue = nil
		}
	}
	r.options.Observe(Observation{Exited: true, Code: exit.Code, Killed: r.killed, Left: exit.Left})
	if r.err != nil {
		return r.err
	}
	switch r.last.Type {
	case job.Done:
		r.options.Log("trained to step %d, %.2f steps a second", r.until, r.clock.Overall(r.step))
		return r.emit(r.doneEvent())
	case job.Diverged:
		return r.emit(job.Event{Type: job.Diverged, Step: r.last.Step, Steps: r.steps, Losses: sweep.Losses{LossFirst: r.curve.losses().LossFirst}})
	case job.Preempted:
		step := 0
		if r.saved != nil {
			step = *r.saved
		}
		return r.emit(job.Event{Type: job.Preempted, Step: step, Steps: r.steps})
	}
	return bad(r.last.Class, "the program reports: %s", text.PrintableLines(r.last.Message))
}

// silence decides how an attempt ended whose program ended without a last message.
func (r *run) silence(exit child.Exit) error {
	last := job.Event{Type: job.Preempted}
	switch {
	case r.plain != nil && exit.Code == 0 && exit.Signal == 0:
		if err := r.plainEnd(); err != nil {
			return err
		}
		if !r.drained {
			last = job.Event{Type: job.Done, Step: r.until}
		}
	case r.drained:
	default:
		r.release()
		return r.failure(exit)
	}
	r.last = &last
	return r.conclude()
}

// failure returns why the program failed.
func (r *run) failure(exit child.Exit) error {
	last := r.output.Text()
	const who = "the program"
	switch exit.Code {
	case 126, 127:
		return child.Fail(sweep.FailEnvironment, fmt.Sprintf("%s could not be started: exit code %d", who, exit.Code), last)
	}
	if failure := exit.Failure(who, last); failure != nil {
		return failure
	}
	switch {
	case exit.OOMKilled && exit.Code != 0:
		return child.Fail(sweep.FailOutOfMemory, "the kernel killed a process for memory while the program ran", last)
	case exit.Signal != 0:
		return child.Fail(sweep.FailBug, fmt.Sprintf("%s crashed: %s", who, exit.Signal), last)
	case exit.Code == 0:
		return child.Fail(sweep.FailBug, "the program ended without a last message, with exit code 0: it must end with done, diverged, preempted or error", last)
	}
	return child.Fail(sweep.FailBug, fmt.Sprintf("%s ended with exit code %d and without a last message", who, exit.Code), last)
}

// classify gives err a failure class. A context's error is returned unchanged.
func classify(err error) error {
	var classed *sweep.FailureError
	switch {
	case err == nil, errors.As(err, &classed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOMEM):
		return sweep.Fail(sweep.FailOutOfMemory, err)
	case file.DiskFails(err): // another worker, or this one after a cleanup, can continue
		return sweep.Fail(sweep.FailEnvironment, err)
	}
	return sweep.Fail(sweep.FailBug, err)
}
