package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// binary is the tailsweep under test.
var binary string

func TestMain(m *testing.M) {
	path, err := filepath.Abs("../bin/tailsweep")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: bin/tailsweep is not there: run `make accept`:", err)
		os.Exit(1)
	}
	binary = path
	os.Exit(m.Run())
}

// home is one state folder and the commands run against it.
type home struct {
	t     *testing.T
	dir   string
	quiet bool // while polling, a line a command would bury the rest of the log
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// newHome makes an empty state folder and stops whatever it runs at the end.
func newHome(t *testing.T) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "tailsweep-e2e-")
	require.NoError(t, err)
	h := &home{t: t, dir: dir}
	t.Cleanup(func() {
		h.try(4*time.Minute, "down") // the worker may drain for 140 s, the stack for 15
		if t.Failed() {
			t.Logf("state and logs are left in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return h
}

// command prepares a tailsweep command in this home, with no other settings from
// the environment.
func (h *home) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = repository(h.t)
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "TAILSWEEP_S3_") {
			continue
		}
		cmd.Env = append(cmd.Env, e)
	}
	cmd.Env = append(cmd.Env, "TAILSWEEP_STATE_DIR="+filepath.Join(h.dir, "state"), "NO_COLOR=1")
	return cmd
}

// try runs a command to its end.
func (h *home) try(limit time.Duration, args ...string) result {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	began := time.Now()
	r, err := runCommand(h.command(ctx, args...))
	switch {
	case ctx.Err() != nil:
		h.t.Fatalf("tailsweep %s did not end within %s\nstdout: %s\nstderr: %s", strings.Join(args, " "), limit, r.stdout, r.stderr)
	case err != nil:
		h.t.Fatalf("tailsweep %s: %v", strings.Join(args, " "), err)
	}
	if !h.quiet {
		h.t.Logf("tailsweep %s: exit %d after %s", strings.Join(args, " "), r.code, time.Since(began).Round(time.Millisecond))
	}
	return r
}

// runCommand runs a command to its end.
func runCommand(cmd *exec.Cmd) (result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.code, err = exit.ExitCode(), nil
	}
	return r, err
}

// must runs a command that has to succeed.
func (h *home) must(limit time.Duration, args ...string) result {
	h.t.Helper()
	r := h.try(limit, args...)
	require.Zerof(h.t, r.code, "tailsweep %s\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.stdout, r.stderr)
	return r
}

// read runs a command with -o json and decodes what it prints.
func (h *home) read(into any, args ...string) {
	h.t.Helper()
	r := h.must(2*time.Minute, append(args, "-o", "json")...)
	require.NoErrorf(h.t, json.Unmarshal([]byte(r.stdout), into), "tailsweep %s printed %s", strings.Join(args, " "), r.stdout)
}

// wait waits until a sweep has ended.
func (h *home) wait(name string, limit time.Duration) (end conduct.Progress) {
	h.t.Helper()
	r := h.try(limit+time.Minute, "wait", name, "--timeout", limit.String(), "-o", "json")
	require.NotEqual(h.t, 124, r.code, r.stderr)
	require.NoErrorf(h.t, json.Unmarshal([]byte(r.stdout), &end), "tailsweep wait %s: exit %d, stdout %s, stderr %s", name, r.code, r.stdout, r.stderr)
	return end
}

// sleeper builds a child that sleeps a millisecond for each step instead of training.
func (h *home) sleeper() string {
	h.t.Helper()
	path := filepath.Join(h.dir, "sleeper")
	compile := exec.Command("go", "build", "-o", path, "./bench/orchestrate/sleeper")
	compile.Dir = repository(h.t)
	out, err := compile.CombinedOutput()
	require.NoError(h.t, err, "%s", out)
	return path
}

// repository is the root of the clone.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	return root
}

// eventually waits for a condition on what the commands print.
func (h *home) eventually(limit time.Duration, what string, condition func() bool) {
	h.t.Helper()
	h.quiet = true
	defer func() { h.quiet = false }()
	eventually(h.t, limit, what, condition)
}

// eventually waits for a condition.
func eventually(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	eventuallyEvery(t, 200*time.Millisecond, limit, what, condition)
}

// eventuallyEvery waits for a condition that it checks every so often.
func eventuallyEvery(t *testing.T, every, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(every) {
		if condition() {
			return
		}
	}
	t.Fatalf("after %s still not: %s", limit, what)
}
