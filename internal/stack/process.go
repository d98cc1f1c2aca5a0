package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// record is a pid file: which process, not merely which pid.
type record struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`           // as startOf tells it
	Backend string `json:"backend,omitempty"` // of a worker: what it was started with
}

// running tells whether the recorded process still runs.
func (r record) running() bool {
	if r.PID <= 0 || r.Started == "" {
		return false
	}
	started, err := startOf(r.PID)
	return err == nil && started == r.Started
}

// recorded reads the pid file of name. No file, or a process that ended, is a
// zero record.
func recorded(l layout, name string) (record, error) {
	var r record
	err := readJSON(l.pid(name), &r)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("pid file: %w", err)
	}
	if !r.running() {
		return record{}, nil
	}
	return r, nil
}

// settled is recorded, but waits for a process that was killed to be gone: for a
// moment it still has its pid and its ports, and answers nobody.
func settled(ctx context.Context, l layout, name string) (record, error) {
	for begin := time.Now(); ; {
		r, err := recorded(l, name)
		if err != nil || !r.running() || !dying(r.PID) {
			return r, err
		}
		if time.Since(begin) > dyingGrace {
			return record{}, fmt.Errorf("%s (pid %d) was killed, but does not end", name, r.PID)
		}
		select {
		case <-ctx.Done():
			return record{}, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// spawned is a background process that this one has started.
type spawned struct {
	record
	ended <-chan struct{} // closed when it is reaped
	how   func() string   // after ended
}

// spawn starts the command in a session of its own, with its output appended to
// the log, and writes its pid file. backend is "" of all but a worker.
func spawn(l layout, name, backend string, cmd *exec.Cmd) (spawned, error) {
	log, err := os.OpenFile(l.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return spawned{}, fmt.Errorf("start %s: %w", name, err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = string(l)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	if err := errors.Join(err, log.Close()); err != nil {
		return spawned{}, fmt.Errorf("start %s: %w", name, err)
	}
	r := record{PID: cmd.Process.Pid, Backend: backend}
	r.Started, err = startOf(r.PID)
	if errors.Is(err, os.ErrProcessDone) {
		r.Started, err = "ended at once", nil // whoever waits for it finds out, and shows the log
	}
	if err == nil {
		err = writeJSON(l.pid(name), r)
	}
	// Reaped here, since `run` outlives what it starts: a zombie would look alive.
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	if err != nil {
		return spawned{}, errors.Join(fmt.Errorf("start %s: %w", name, err), cmd.Process.Kill())
	}
	return spawned{record: r, ended: ended, how: func() string { return cmd.ProcessState.String() }}, nil
}

// stop ends the process called name: SIGTERM, and after grace SIGKILL to its
// whole session. It tells out when that takes long.
func stop(ctx context.Context, l layout, name string, grace time.Duration, out io.Writer) error {
	r, err := recorded(l, name)
	if err != nil {
		return err
	}
	if r.running() {
		if err := stopProcess(ctx, r, name, grace, out); err != nil {
			return err
		}
	}
	if err := os.Remove(l.pid(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func stopProcess(ctx context.Context, r record, name string, grace time.Duration, out io.Writer) error {
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop %s (pid %d): %w", name, r.PID, err)
	}
	begin, told := time.Now(), time.Now()
	killed := false
	for r.running() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop %s (pid %d): %w", name, r.PID, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			say(out, "stopping %s (pid %d): %.0fs", name, r.PID, time.Since(begin).Seconds())
		}
		if time.Since(begin) > grace && !killed {
			killed = true
			say(out, "%s (pid %d) did not stop within %s: killing it", name, r.PID, grace)
			// It leads its session, so its process group bears its pid.
			if err := syscall.Kill(-r.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill %s (pid %d): %w", name, r.PID, err)
			}
		}
	}
	return nil
}
