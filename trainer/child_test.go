package trainer

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// childEnv makes this test binary a training child: its value is the job file.
const childEnv = "TAILSWEEP_TEST_CHILD"

func TestMain(m *testing.M) {
	if file := os.Getenv(childEnv); file != "" {
		os.Exit(RunChild(context.Background(), file, os.Stdin, &killer{}, "test"))
	}
	os.Exit(m.Run())
}

// killEnv is the number of the event after which a training child kills itself.
const killEnv = "TAILSWEEP_TEST_KILL"

// killer is the stdout of a training child.
type killer struct{ events int }

func (k *killer) Write(line []byte) (int, error) {
	n, err := os.Stdout.Write(line)
	if k.events++; os.Getenv(killEnv) == strconv.Itoa(k.events) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return n, err
}

// startChild runs j in a child with its stdin held open; events come in order
// until stdout closes.
func startChild(t *testing.T, j any, env ...string) (cmd *exec.Cmd, stdin func(), events <-chan job.Event) {
	t.Helper()
	data, err := json.Marshal(j)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "job.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+file), env...)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // ended already, where all went well
	})
	received := make(chan job.Event, 1000)
	go func() {
		defer close(received)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e job.Event
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				e.Type = job.Type("not JSON: " + lines.Text())
			}
			received <- e
		}
	}()
	return cmd, func() { _ = in.Close() }, received
}

// endless is a job that does not end by itself.
func endless(t *testing.T) job.Train {
	j := tiny(t)
	j.Spec.Train.Steps, j.Spec.Train.LogEvery, j.Spec.Checkpoints.EverySteps = 1_000_000, 1, 1_000_000
	return j
}

func await(t *testing.T, events <-chan job.Event, want job.Type) job.Event {
	t.Helper()
	for e := range events {
		if e.Type == want {
			return e
		}
		require.Contains(t, []job.Type{job.Opened, job.Started, job.Compiling, job.Progress, job.Checkpoint}, e.Type)
	}
	t.Fatalf("the child ended without an event %q", want)
	return job.Event{}
}

func TestChildDrainsOnSIGTERM(t *testing.T) {
	j := endless(t)
	cmd, _, events := startChild(t, j)
	await(t, events, job.Progress)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	saved := await(t, events, job.Checkpoint)
	last := await(t, events, job.Preempted)
	require.Equal(t, saved.Step, last.Step)
	m, err := checkpoint.Verify(saved.Dir)
	require.NoError(t, err)
	require.Equal(t, saved.Step, m.Step)
	require.NoError(t, cmd.Wait())
}

func TestChildEndsWhenItsWorkerIsGone(t *testing.T) {
	j := endless(t)
	cmd, closeStdin, events := startChild(t, j)
	await(t, events, job.Progress)
	closeStdin()
	for e := range events {
		require.Equal(t, job.Progress, e.Type)
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, job.ExitOrphaned, exit.ExitCode())
	left, err := os.ReadDir(j.Staging)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A worker takes a child that ends without an event for one that could not start: data that
// cannot be loaded comes later.
func TestChildReportsThatItsBackendIsOpen(t *testing.T) {
	j := tiny(t)
	j.Spec.Dataset.Name, j.Spec.Dataset.Path = sweep.FashionMNIST, "/nowhere"
	_, _, events := startChild(t, j)
	first, second := <-events, <-events
	require.Equal(t, job.Opened, first.Type)
	require.Equal(t, backend.Go, first.Backend)
	require.NotEmpty(t, first.Device)
	require.Equal(t, job.Error, second.Type)
	require.Equal(t, sweep.FailBadData, second.Class)
}

func TestChildReportsItsFailure(t *testing.T) {
	j := tiny(t)
	j.Backend = "tpu"
	cmd, _, events := startChild(t, j)
	last := await(t, events, job.Error)
	require.Contains(t, last.Message, "auto, go, xla:cpu, xla:cuda")
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, job.ExitFailed, exit.ExitCode())

	_, _, events = startChild(t, map[string]any{"spec": nil, "steps": 3})
	require.Contains(t, await(t, events, job.Error).Message, `unknown field "steps"`)
}
