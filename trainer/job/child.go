package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
)

// Exit codes of a child. A worker reads the last event instead, where there is one.
const (
	ExitOK       = 0 // the last event is of type done, preempted or result
	ExitFailed   = 1 // the last event is of type error
	ExitOrphaned = 3 // stdin closed: the worker is gone
	ExitDiverged = 5 // the last event is of type diverged
)

// Child is the environment of a child's work.
type Child struct {
	Emit  func(Event) error             // writes one line; safe for concurrent use
	Drain <-chan struct{}               // closed on SIGTERM and on SIGINT
	Log   func(format string, a ...any) // writes a line of text for people to stderr

	// AtOrphaned sets what is done after stdin has closed, and after a second signal, before the
	// process ends: to kill what it has started. It must return soon.
	AtOrphaned func(do func())
}

// Run runs work as a child process does and returns its exit code. It reads stdin to
// see it close; the process then exits with ExitOrphaned, at once or after what AtOrphaned was given. A checkpoint gets its
// name by a rename, so no partial one has it. An error of work becomes an event
// of type error: of the class of its *sweep.FailureError, of class environment if the disk
// fails, else of class bug.
func Run(ctx context.Context, stdin io.Reader, stdout io.Writer, work func(context.Context, Child) error) int {
	var atOrphaned atomic.Pointer[func()]
	var orphaned atomic.Bool // the process ends as soon as AtOrphaned's function returns
	if stdin != nil {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // an error is an end, too
			orphaned.Store(true)
			if do := atOrphaned.Load(); do != nil {
				(*do)()
			}
			os.Exit(ExitOrphaned)
		}()
	}
	drain := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-signals:
			close(drain)
		case <-ended:
			return
		}
		select {
		case s := <-signals: // a second one ends the process at once
			orphaned.Store(true)
			if do := atOrphaned.Load(); do != nil {
				(*do)()
			}
			signal.Reset(s)
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal)) // this process exists
		case <-ended:
		}
	}()

	var mu sync.Mutex
	var last Type
	lines := json.NewEncoder(stdout)
	emit := func(e Event) error {
		mu.Lock()
		defer mu.Unlock()
		last = e.Type
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("event %s: %w", e.Type, err)
		}
		return nil
	}
	log := func(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
	err := work(ctx, Child{Emit: emit, Drain: drain, Log: log, AtOrphaned: func(do func()) { atOrphaned.Store(&do) }})
	if orphaned.Load() {
		select {} // the process is ending, whatever came of the work
	}
	switch {
	case err == nil && last == Diverged:
		return ExitDiverged
	case err == nil:
		return ExitOK
	}
	failure := sweep.Failure{Class: sweep.FailBug, Message: err.Error()}
	var classed *sweep.FailureError
	switch {
	case errors.As(err, &classed):
		failure = classed.Failure
	case file.DiskFails(err):
		failure.Class = sweep.FailEnvironment
	}
	if err := emit(Event{Type: Error, Class: failure.Class, Message: failure.Message}); err != nil {
		log("%v", err)
	}
	return ExitFailed
}

// maxFile bounds a job file, in bytes.
const maxFile = 16 << 20

// Read reads a job file, strictly, into job, which points to a Train or Evaluate.
func Read(path string, job any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("job file: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	dec := json.NewDecoder(io.LimitReader(f, maxFile))
	dec.DisallowUnknownFields()
	if err := dec.Decode(job); err != nil {
		return fmt.Errorf("job file %s: %w", path, err)
	}
	return nil
}
