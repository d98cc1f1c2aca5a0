package stack

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/file"
)

func testLayout(t *testing.T) layout {
	t.Helper()
	l := layout(t.TempDir())
	require.NoError(t, l.make())
	return l
}

func TestRecordKnowsItsProcess(t *testing.T) {
	l := testLayout(t)
	s, err := spawn(l, "sleeper", settings{}, exec.Command("sleep", "60"))
	require.NoError(t, err)
	r, err := recorded(l, "sleeper")
	require.NoError(t, err)
	require.Equal(t, s.record, r)

	require.NoError(t, stop(t.Context(), l, "sleeper", 10*time.Second, os.Stderr))
	<-s.ended
	require.Equal(t, "signal: terminated", s.how())
	require.NoFileExists(t, l.pid("sleeper"))
}

// A pid file whose pid belongs to another process now must not lead to a signal.
func TestReusedPidIsNotStopped(t *testing.T) {
	l := testLayout(t)
	other := exec.Command("sleep", "60")
	require.NoError(t, other.Start())
	t.Cleanup(func() {
		_ = other.Process.Kill() // ends with the test
		_ = other.Wait()
	})
	started, err := startOf(other.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, file.WriteJSON(l.pid("worker"), record{PID: other.Process.Pid, Started: started + "1"}, ownerOnly))

	r, err := recorded(l, "worker")
	require.NoError(t, err)
	require.Zero(t, r)
	require.NoError(t, stop(t.Context(), l, "worker", time.Millisecond, os.Stderr))
	now, err := startOf(other.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, started, now)
	require.NoFileExists(t, l.pid("worker"))
}

func TestZombieHasEnded(t *testing.T) {
	cmd := exec.Command("true")
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		_, err := startOf(cmd.Process.Pid)
		return err == os.ErrProcessDone //nolint:errorlint // it is returned as it is
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, cmd.Wait())
}

// A process that ignores SIGTERM is killed with its children after the grace period.
func TestStopKillsTheSession(t *testing.T) {
	l := testLayout(t)
	// Both shells ignore SIGTERM; the inner one prints its pid.
	_, err := spawn(l, "stubborn", settings{}, exec.Command("sh", "-c",
		`trap '' TERM; sh -c 'trap "" TERM; echo $$; while :; do sleep 0.02; done' & wait; while :; do sleep 0.02; done`))
	require.NoError(t, err)
	var inner int
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(l.log("stubborn"))
		inner, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil && inner > 0
	}, 5*time.Second, time.Millisecond)

	var out bytes.Buffer
	require.NoError(t, stop(t.Context(), l, "stubborn", 30*time.Millisecond, &out))
	require.Contains(t, out.String(), "did not stop within 30ms: killing it")
	require.Eventually(t, func() bool {
		_, err := startOf(inner)
		return err != nil
	}, 5*time.Second, time.Millisecond, "its child lives on")
}

func TestStopEndsWithItsContext(t *testing.T) {
	l := testLayout(t)
	s, err := spawn(l, "stubborn", settings{}, exec.Command("sh", "-c", `trap '' TERM; echo up; while :; do sleep 0.02; done`))
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Kill(-s.PID, syscall.SIGKILL) })
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(l.log("stubborn"))
		return err == nil && len(b) > 0
	}, 5*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, stop(ctx, l, "stubborn", time.Minute, os.Stderr), context.DeadlineExceeded)
	require.FileExists(t, l.pid("stubborn"), "the process still runs")
}

func TestStackIsStartedByOneProcess(t *testing.T) {
	l := testLayout(t)
	release, err := l.take(t.Context(), io.Discard)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	_, err = l.take(ctx, &out)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "another tailsweep process is starting or stopping the stack (it has the lock "+l.lock()+"); waiting\n", out.String())
	require.NoError(t, release())
}
