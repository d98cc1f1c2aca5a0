package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/retry"
)

// record is a pid file: it identifies the process behind the pid.
type record struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // see startOf
	settings
}

// settings are what a process was started with.
type settings struct {
	Backend  string `json:"backend,omitempty"`   // of a worker
	Slots    int    `json:"slots,omitempty"`     // of a worker; 0 where it decides
	Asked    bool   `json:"asked,omitempty"`     // the user asked for Slots
	Commands bool   `json:"commands,omitempty"`  // of a worker: it runs the commands of specs
	NoWorker bool   `json:"no_worker,omitempty"` // of a stack
}

// running reports whether the recorded process runs.
func (r record) running() bool {
	if r.PID <= 0 || r.Started == "" {
		return false
	}
	started, err := startOf(r.PID)
	return err == nil && started == r.Started
}

// pid returns the pid of a running process, or 0.
func (r record) pid() int {
	if !r.running() {
		return 0
	}
	return r.PID
}

// lastRecord reads the pid file of name, whose process may have ended. Without a file,
// that is before the first start or after a stop, the record is zero.
func lastRecord(l layout, name string) (record, error) {
	var r record
	err := file.ReadJSON(l.pid(name), &r)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, fmt.Errorf("pid file: %w", err)
	}
	return r, nil
}

// recorded is lastRecord, and zero when the process has ended.
func recorded(l layout, name string) (record, error) {
	r, err := lastRecord(l, name)
	if err != nil || !r.running() {
		return record{}, err
	}
	return r, nil
}

// reportDead prints that the process called name ended without being stopped, if it did.
func reportDead(l layout, name string, out io.Writer) error {
	r, err := lastRecord(l, name)
	if err == nil && r.PID != 0 && !r.running() {
		say(out, "%s (pid %d) had ended: starting it again", name, r.PID)
	}
	return err
}

// settled is like recorded, but first waits until a process that was killed has ended. A
// killed process keeps its pid and ports until then, and does not answer.
func settled(ctx context.Context, l layout, name string) (r record, err error) {
	begin := time.Now()
	err = retry.Until(ctx, 10*time.Millisecond, func() (bool, error) {
		if r, err = recorded(l, name); err != nil || !r.running() || !dying(r.PID) {
			return true, err
		}
		if time.Since(begin) > dyingGrace {
			return false, fmt.Errorf("%s (pid %d) was killed, but does not end", name, r.PID)
		}
		return false, nil
	})
	if err != nil {
		return record{}, err
	}
	return r, nil
}

// spawned is a background process that this one has started.
type spawned struct {
	record
	ended <-chan struct{} // closed when it is reaped
	how   func() string   // after ended
}

// spawn starts the command in a session of its own, with its output appended to
// the log, and writes its pid file.
func spawn(l layout, name string, with settings, cmd *exec.Cmd) (spawned, error) {
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
	r := record{PID: cmd.Process.Pid, settings: with}
	r.Started, err = startOf(r.PID)
	if errors.Is(err, os.ErrProcessDone) {
		r.Started, err = "ended at once", nil // await finds it ended and prints the log
	}
	if err == nil {
		err = file.WriteJSON(l.pid(name), r, ownerOnly)
	}
	// Wait for it, since `run` may live longer: a zombie would look like a running process.
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
// complete session. It prints to out when that takes long.
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
	begin, printed := time.Now(), time.Now()
	killed := false
	return retry.Until(ctx, 20*time.Millisecond, func() (bool, error) {
		if !r.running() {
			return true, nil
		}
		if time.Since(printed) > 5*time.Second {
			printed = time.Now()
			say(out, "stopping %s (pid %d): %.0fs", name, r.PID, time.Since(begin).Seconds())
		}
		if time.Since(begin) > grace && !killed {
			killed = true
			say(out, "%s (pid %d) did not stop within %s: killing it", name, r.PID, grace)
			// It leads its session, so its process group has its pid.
			if err := syscall.Kill(-r.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return false, fmt.Errorf("kill %s (pid %d): %w", name, r.PID, err)
			}
		}
		return false, nil
	})
}

// lastLines returns the last n lines of a log, each indented by two spaces.
func lastLines(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	defer func() { _ = f.Close() }() // only read
	const most = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return "  (" + err.Error() + ")"
		}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "  " + strings.Join(lines, "\n  ")
}
