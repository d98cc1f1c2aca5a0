package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/internal/stack"
)

// Faults that end processes.

func killChildren(all bool) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		var pids []int
		err := within(ctx, 10*time.Second, func() (bool, error) {
			pids = r.site.children()
			return len(pids) > 0 || r.over(ctx), nil
		})
		if err != nil || len(pids) == 0 {
			return fmt.Errorf("%w: no child runs", errSkipped)
		}
		if !all {
			pids = []int{pids[r.rand.IntN(len(pids))]}
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		return nil
	}
}

func killWorker(ctx context.Context, r *round) error {
	for _, name := range lasting {
		r.site.workers[name].kill()
		if err := r.site.startWorker(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// killStackNow ends the process with Temporal and the store, and its children.
func (s *site) killStackNow(ctx context.Context) error {
	now, err := stack.Read(s.path("state"))
	if err != nil {
		return err
	}
	pid := now.Process(stack.ProcessStack).PID
	if pid == 0 {
		return errors.New("the stack does not run")
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

func killStack(ctx context.Context, r *round) error {
	if err := r.site.killStackNow(ctx); err != nil {
		return err
	}
	return r.site.up(ctx)
}

func killPrometheus(ctx context.Context, r *round) error {
	now, err := stack.Read(r.site.path("state"))
	if err != nil {
		return err
	}
	pid := now.Process(stack.ProcessPrometheus).PID
	if pid == 0 {
		return fmt.Errorf("%w: it does not run", errSkipped)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// watchers starts a `watch` of each running sweep, and a `run` that attaches. kill ends them.
func (r *round) watchers(ctx context.Context) (kill func(), err error) {
	var watching []*exec.Cmd
	kill = func() {
		for _, cmd := range watching {
			_ = cmd.Process.Kill() // an error means that it has ended
			_ = cmd.Wait()         // killed
		}
	}
	for i, p := range r.running() {
		args := []string{"watch", p.id}
		if i == 0 {
			args = []string{"run", r.site.specOf(p)}
		}
		cmd := r.site.command(ctx, args...)
		if err := cmd.Start(); err != nil {
			kill()
			return nil, err
		}
		watching = append(watching, cmd)
	}
	return kill, nil
}

// killWatchers kills a `watch` of each sweep after a while, and a `run` that attaches.
func killWatchers(ctx context.Context, r *round) error {
	kill, err := r.watchers(ctx)
	if err != nil {
		return err
	}
	err = pause(ctx, time.Duration(r.rand.IntN(1500))*time.Millisecond)
	kill()
	return err
}

// killAll kills all processes: the stack with its children, the workers with theirs, and the
// command lines that follow the sweeps.
func killAll(ctx context.Context, r *round) error {
	watching, err := r.watchers(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(r.site.killStackNow(ctx), ignore(killPrometheus(ctx, r), errSkipped)); err != nil {
		return err
	}
	for _, pid := range r.site.children() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended
	}
	for _, w := range r.site.workers {
		w.kill()
	}
	watching()
	if err := r.site.up(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.site.workers)) {
		if err := r.site.startWorker(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
