package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testStack is a stack without services.
func testStack(t *testing.T) *stack {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"run", "logs"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	s := &stack{config: config{Dir: dir}, log: slog.New(slog.DiscardHandler)}
	require.NoError(t, s.publish())
	t.Cleanup(func() { require.NoError(t, s.stopAll(context.Background())) })
	return s
}

func readReady(t *testing.T, dir string) (r ready) {
	t.Helper()
	b, err := os.ReadFile(readyFile(dir))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

// sleeper is a child that works as long as it runs.
func sleeper(s *stack) kept {
	return kept{
		name: "sleeper", pid: &s.ready.PrometheusPID, patience: time.Minute,
		command: func() (*exec.Cmd, error) { return exec.Command("sleep", "600"), nil },
		answers: func(context.Context) error { return nil },
	}
}

func TestKilledChildIsStartedAgain(t *testing.T) {
	s := testStack(t)
	require.NoError(t, s.keep(t.Context(), sleeper(s)))
	before := readReady(t, s.config.Dir).PrometheusPID
	for range 8 { // by itself it would take 1 + 2 + 4 + ... + 30 s
		require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
		require.Eventually(t, func() bool { return readReady(t, s.config.Dir).PrometheusPID != before }, 5*time.Second, time.Millisecond)
		s.revive()
		var after int
		require.Eventually(t, func() bool {
			after = readReady(t, s.config.Dir).PrometheusPID
			return after != 0
		}, 5*time.Second, time.Millisecond, "without its delay")
		require.NotEqual(t, before, after)
		before = after
	}
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.NoError(t, s.stopAll(t.Context()), "while it is dead")
}

func TestKilledChildIsStartedAgainByItself(t *testing.T) {
	s := testStack(t)
	require.NoError(t, s.keep(t.Context(), sleeper(s)))
	before := readReady(t, s.config.Dir).PrometheusPID
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		after := readReady(t, s.config.Dir).PrometheusPID
		return after != 0 && after != before
	}, 10*firstDelay, 10*time.Millisecond)
}

// The first failure of a child is returned, and it is tried again.
func TestKeepReturnsTheFirstFailure(t *testing.T) {
	s := testStack(t)
	k := sleeper(s)
	tries := 0
	k.command = func() (*exec.Cmd, error) {
		if tries++; tries == 1 {
			return exec.Command("sh", "-c", "exit 7"), nil
		}
		return exec.Command("sleep", "600"), nil
	}
	k.answers = func(context.Context) error {
		if tries == 1 {
			return errors.New("not yet")
		}
		return nil
	}
	require.ErrorContains(t, s.keep(t.Context(), k), "exit status 7, see ")
	s.revive()
	require.Eventually(t, func() bool { return readReady(t, s.config.Dir).PrometheusPID != 0 }, 5*time.Second, time.Millisecond)
}

// A child that works slowly is left running.
func TestKeepLeavesASlowChild(t *testing.T) {
	s := testStack(t)
	k := sleeper(s)
	k.patience, k.answers = 20*time.Millisecond, func(context.Context) error { return errors.New("replays its log") }
	require.ErrorContains(t, s.keep(t.Context(), k), "replays its log")
	require.NoError(t, syscall.Kill(readReady(t, s.config.Dir).PrometheusPID, 0))
}
