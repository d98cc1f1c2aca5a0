package e2e

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// TestCommandsMeanwhile has a sweep that no worker can continue, since the only one is of an
// older build, and a store that does not answer. The cause is shown within a minute, and
// commands are recorded. Later a command works though what the store has of the sweep is damaged.
func TestCommandsMeanwhile(t *testing.T) {
	h := newHome(t)
	h.must(build, "up", "--no-worker", "--no-prometheus")
	var status stack.Status
	h.read(&status, "status")
	sleeper := h.sleeper()
	worker := func(program string) (stop func()) {
		cmd := h.command(context.Background(), "worker", "--backend", "go", "--trainer", sleeper)
		cmd.Path = program
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may have ended
		return func() {
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			require.NoError(t, cmd.Wait())
		}
	}
	older, err := filepath.Abs("../bin/older")
	require.NoError(t, err)
	require.FileExists(t, older, "run `make accept`")
	stop := worker(older)
	h.must(time.Minute, "run", writeSpec(t, smallSpec("meanwhile", 2)), "--detach")

	const why = "blocked: no worker can take the next step of the sweep, it fails on worker "
	const cause = "this worker does not know all fields of the spec of sweep meanwhile"
	type listed struct{ State, Fault string }
	h.eventually(time.Minute, "list shows the cause", func() bool {
		var rows []listed
		h.read(&rows, "list")
		return len(rows) == 1 && rows[0].Fault != ""
	})
	complete := regexp.MustCompile(why + ".*" + cause)
	for _, args := range [][]string{{"list"}, {"describe", "meanwhile"}} { // either may find that a task has just begun
		h.eventually(time.Minute, args[0]+" shows the complete cause", func() bool {
			r := h.try(time.Minute, args...)
			return r.code == 0 && complete.MatchString(r.stdout)
		})
	}
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watching := h.command(limited, "watch", "meanwhile")
	seen, err := watching.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, watching.Start())
	lines, shown := bufio.NewScanner(seen), false
	for !shown && lines.Scan() {
		shown = strings.Contains(lines.Text(), why)
	}
	require.True(t, shown, "watch has not shown the cause within a minute")
	require.NoError(t, watching.Process.Signal(os.Interrupt))
	_ = watching.Wait() // exits with 130

	recorded := func(r result) {
		t.Helper()
		require.Zero(t, r.code, r.stderr)
		require.Contains(t, r.stdout, " is recorded in Temporal")
	}
	recorded(h.try(time.Minute, "pause", "meanwhile"))

	away := func(args ...string) result { // the store does not answer
		t.Helper()
		cmd := h.command(t.Context(), args...)
		cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS="+status.Temporal, "TAILSWEEP_S3_ENDPOINT=http://127.0.0.1:1", "TAILSWEEP_S3_BUCKET="+status.Bucket,
			"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none")
		r, err := runCommand(cmd)
		require.NoError(t, err)
		return r
	}
	for _, args := range [][]string{{"list"}, {"describe", "meanwhile"}} {
		h.eventually(time.Minute, args[0]+" shows the cause without the store", func() bool {
			r := away(args...)
			require.Equal(t, 1, r.code, r.stderr)
			return strings.Contains(r.stdout, why) && strings.Contains(r.stderr, "only what Temporal knows is shown, since the object store")
		})
	}
	recorded(away("stop", "meanwhile"))
	stop()

	// The right worker finds both commands.
	stop = worker(binary)
	require.Equal(t, conduct.PhaseStopped, h.wait("meanwhile", 2*time.Minute).Phase)
	require.Equal(t, []string{"pause", "stop", "end: stopped"}, h.commands("meanwhile"))

	// A paused sweep with a damaged state is cancelled.
	h.must(time.Minute, "extend", "meanwhile", "--trials", "+1")
	state := filepath.Join(status.Dir, "s3", status.Bucket, "v1/sweeps/meanwhile/state.json")
	h.must(time.Minute, "pause", "meanwhile")
	h.eventually(time.Minute, "the sweep has nothing to do", func() bool {
		var described struct{ Progress conduct.Progress }
		h.read(&described, "describe", "meanwhile")
		return described.Progress.Phase == conduct.PhasePaused && len(described.Progress.Running) == 0
	})
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	f, err := os.OpenFile(state, os.O_WRONLY, 0) // keeps the attributes of the file
	require.NoError(t, err)
	_, err = f.Write(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r := h.try(time.Minute, "describe", "meanwhile")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stdout, "paused: ")
	require.Contains(t, r.stderr, "`tailsweep doctor meanwhile")
	require.Contains(t, h.must(time.Minute, "cancel", "meanwhile").stdout, "meanwhile: cancel")
	require.Equal(t, conduct.PhaseCancelled, h.wait("meanwhile", time.Minute).Phase)
	stop()
}
