package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 110 * time.Second // internal/stack waits for 120
	stopLimit  = 9 * time.Second
)

func main() {
	file := flag.String("config", "", "configuration, a JSON `file` written by tailsweep up")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := start(ctx, *file, log); err != nil {
		log.Error("devstack failed", "err", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, file string, log *slog.Logger) error {
	if file == "" {
		return errors.New("--config is missing: devstack is started by `tailsweep up`")
	}
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	k, err := readKeys(c.Credentials)
	if err != nil {
		return err
	}
	for _, dir := range []string{"run", "logs", "temporal"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, dir), 0o700); err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
	}
	unlock, err := lockFolder(c.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	stop, err := profile()
	if err != nil {
		return err
	}
	defer stop()
	s := &stack{config: c, keys: k, log: log}
	if s.certificate, err = makeCertificate(c.Dir); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for range hangup {
			s.revive()
		}
	}()
	return s.run(ctx)
}

// stack is the running services, in the order of their start.
type stack struct {
	config      config
	keys        keys
	certificate certificate
	log         *slog.Logger
	services    []service
	fail        context.CancelCauseFunc // a service ended by itself; the first one counts

	mu        sync.Mutex // for what follows, and the pids of ready
	ready     ready
	published bool            // ready.json is written
	wake      []chan struct{} // one for each kept child; see revive
}

type service struct {
	name string
	stop func(context.Context) error
}

// run starts everything, waits for ctx to end or a service to fail, and stops
// everything.
func (s *stack) run(ctx context.Context) (err error) {
	begin := time.Now()
	defer func() {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		err = errors.Join(err, s.stopAll(stopCtx))
	}()
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fail = fail
	starting, cancel := context.WithTimeout(running, startLimit)
	defer cancel()
	err = s.startAll(starting)
	if err == nil {
		s.log.Info("devstack is ready", "after", time.Since(begin).Round(time.Millisecond), "temporal", s.ready.Temporal,
			"ui", s.ready.UI, "s3", s.ready.S3, "prometheus", s.ready.Prometheus)
		<-running.Done()
	}
	switch {
	case ctx.Err() != nil:
		return nil // stopped by a signal
	case running.Err() != nil:
		return context.Cause(running)
	}
	return err
}

func (s *stack) startAll(ctx context.Context) error {
	if err := s.unpublish(); err != nil {
		return err
	}
	s.ready.PID = os.Getpid()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"s3 (" + s.config.S3.Kind + ")", s.startS3},
		{"temporal", s.startTemporal},
		{"temporal UI", s.startUI},
		{"bucket", s.makeBucket},
		{"search attributes", s.registerSearchAttributes},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if s.config.Prometheus.Binary != "" {
		if err := s.startPrometheus(ctx); err != nil {
			s.log.Warn("prometheus is not ready; sweeps run without it", "err", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.publish()
}

// stopAll stops the services, the last started first.
func (s *stack) stopAll(ctx context.Context) error {
	errs := []error{s.unpublish()}
	for len(s.services) > 0 {
		last := s.services[len(s.services)-1]
		s.services = s.services[:len(s.services)-1]
		if err := last.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	s.log.Info("devstack has stopped")
	return errors.Join(errs...)
}

// publish writes ready.json.
func (s *stack) publish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = true
	return writeReady(s.config.Dir, s.ready)
}

// unpublish removes ready.json.
func (s *stack) unpublish() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = false
	return removeReady(s.config.Dir)
}

// started adds a service to the list of those to stop.
func (s *stack) started(name string, stop func(context.Context) error) {
	s.services = append(s.services, service{name, stop})
}

// poll calls f until it succeeds or ctx ends, and then returns f's last error.
func poll(ctx context.Context, f func(context.Context) error) error {
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// within runs f, which takes no context, and stops waiting for it when ctx ends.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
