package worker

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

func newTestChildren(t *testing.T) (*Children, keptLogs) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	logs := keptLogs{}
	children := NewChildren(ChildrenConfig{Executable: self, Slots: 1, Backend: "go", Logs: logs, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(children.Close)
	return children, logs
}

func ignore(activities.Progress) error { return nil }

func TestTrainReportsAndEnds(t *testing.T) {
	children, logs := newTestChildren(t)
	staging := t.TempDir()
	var seen []activities.Progress
	out, err := children.Train(t.Context(), trainJob("happy", staging), nil, func(p activities.Progress) error {
		seen = append(seen, p)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, activities.Outcome{Status: sweep.OutcomeDone, Step: 20, Losses: sweep.Losses{LossFirst: new(2.0), LossLast: new(1.0)}, Backend: "fake"}, out)

	var checkpoints []string
	for _, p := range seen {
		if p.Checkpoint != "" {
			checkpoints = append(checkpoints, filepath.Base(p.Checkpoint))
		}
	}
	require.Equal(t, []string{"step-0000000010", "step-0000000020"}, checkpoints, "no checkpoint is merged away")
	last := seen[len(seen)-1]
	last.Checkpoint = ""
	require.Equal(t, activities.Progress{
		Loaded: 30, Step: 20, Steps: 20, StepsPerSecond: 5, Backend: "fake", Point: &fakePoint, Reports: last.Reports,
	}, last)
	require.Positive(t, last.Reports, "a report is a sign of life")
	require.Contains(t, logs["happy"], `"type":"done"`)
}

func TestEvaluateReturnsTheEvaluation(t *testing.T) {
	children, _ := newTestChildren(t)
	j := sweep.EvaluateJob{Output: t.TempDir()}
	j.Spec.Name = "happy"
	got, err := children.Evaluate(t.Context(), j, ignore)
	require.NoError(t, err)
	require.Equal(t, sweep.Evaluation{
		Metrics: map[string]float64{"fid.all": 12}, Guidance: 1.5, Grid: filepath.Join(j.Output, "grid.png"),
		Floor: map[string]float64{"fid.all": 2}, Features: "5bec",
	}, got)
}

func TestEvaluateRefusesNull(t *testing.T) {
	children, _ := newTestChildren(t)
	j := sweep.EvaluateJob{Output: t.TempDir()}
	j.Spec.Name = "null"
	_, err := children.Evaluate(t.Context(), j, ignore)
	require.ErrorContains(t, err, "the child reported null for fid.all")
}

func TestTrainOutcomes(t *testing.T) {
	children, _ := newTestChildren(t)
	children.linger = 20 * time.Millisecond
	for scenario, want := range map[string]sweep.Outcome{
		"diverged":        sweep.OutcomeDiverged,
		"garbage":         sweep.OutcomeDone,
		"done-then-crash": sweep.OutcomeDone,
		"done-then-hang":  sweep.OutcomeDone,
	} {
		t.Run(scenario, func(t *testing.T) {
			out, err := children.Train(t.Context(), trainJob(scenario, t.TempDir()), nil, ignore)
			require.NoError(t, err)
			require.Equal(t, want, out.Status)
		})
	}
}

func TestTrainFailures(t *testing.T) {
	children, logs := newTestChildren(t)
	for _, c := range []struct {
		scenario string
		class    sweep.FailureClass
		message  string
	}{
		{"bad-data", sweep.FailBadData, "images.idx.gz: truncated"},
		{"no-such-class", sweep.FailBug, "no"},
		{"panic", sweep.FailBug, "nil pointer dereference"},
		{"exit-7", sweep.FailBug, "exit code 7 without a result; its last output:\nlast words"},
		{"xla-memory", sweep.FailOutOfMemory, "RESOURCE_EXHAUSTED"},
		{"sigkill", sweep.FailLost, "signal 9"},
		{"linked", sweep.FailBug, "is a link"},
		{"elsewhere", sweep.FailBug, `"/etc" is not inside`},
		{"flood", sweep.FailBug, "59999 zzz"},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			_, err := children.Train(t.Context(), trainJob(c.scenario, t.TempDir()), nil, ignore)
			var failure *sweep.FailureError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, c.class, failure.Class, err)
			require.Contains(t, failure.Message, c.message)
			require.Less(t, len(failure.Message), 2*child.MaxLastText)
		})
	}
	flood := logs["flood"]
	require.Less(t, len(flood), maxLogHead+2*maxLogTail)
	require.True(t, strings.Contains(flood[:1000], "0 zzz"), "the beginning is kept") // not require.Contains: it would print it all
	require.True(t, strings.Contains(flood, " bytes left out ..."))
	require.True(t, strings.HasSuffix(flood, "z\n") && strings.Contains(flood, "\n59999 zzz"), "the end is kept")
}

// A worker without AllowCommands starts no child for a spec with a command.
func TestCommandsAreRefused(t *testing.T) {
	children, logs := newTestChildren(t)
	j := trainJob("happy", t.TempDir())
	j.Spec.Trainer = &sweep.Trainer{Command: []string{"python", "train.py", strings.Repeat("x", 1000)}}
	_, err := children.Train(t.Context(), j, nil, func(activities.Progress) error {
		t.Error("a child was started")
		return nil
	})
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class, "another attempt would end in the same way")
	require.Contains(t, failure.Message, `this worker does not run commands of a spec, here "python train.py xxx`)
	require.Contains(t, failure.Message, "start it with --allow-commands")
	require.Less(t, len(failure.Message), 450)
	require.Empty(t, logs)
	require.NoFileExists(t, filepath.Join(j.Staging, jobFileName))

	children.config.AllowCommands = true
	_, err = children.Train(t.Context(), j, nil, ignore)
	require.NoError(t, err)
}

// The variables that a spec names reach its program, except those of the services.
func TestChildGetsTheVariablesOfItsSpec(t *testing.T) {
	for _, name := range []string{"HF_HOME", "WANDB_MODE", "AWS_PROFILE", "TEMPORAL_API_KEY", "TAILSWEEP_S3_BUCKET"} {
		t.Setenv(name, "value of "+name)
	}
	children, _ := newTestChildren(t)
	children.config.AllowCommands = true
	j := trainJob("environment", t.TempDir())
	j.Spec.Trainer = &sweep.Trainer{Command: []string{"true"}, PassEnv: []string{"HF_HOME", "AWS_PROFILE", "TEMPORAL_API_KEY", "TAILSWEEP_S3_BUCKET", "NOT_SET"}}
	_, err := children.Train(t.Context(), j, nil, ignore)
	require.ErrorContains(t, err, "\nHF_HOME=value of HF_HOME")
	for _, name := range []string{"WANDB_MODE", "AWS_PROFILE", "TEMPORAL_API_KEY", "TAILSWEEP_S3_BUCKET", "NOT_SET"} {
		require.NotContains(t, err.Error(), name)
	}
}

func TestChildHasNoCredentials(t *testing.T) {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TEMPORAL_API_KEY", "TEMPORAL_ADDRESS",
		"TAILSWEEP_S3_ENDPOINT", "SOME_TOKEN",
	} {
		t.Setenv(name, "secret")
	}
	t.Setenv("CUDA_VISIBLE_DEVICES", "4,5")
	t.Setenv("XLA_FLAGS", "--passes")
	self, err := os.Executable()
	require.NoError(t, err)
	children := NewChildren(ChildrenConfig{Executable: self, Slots: 1, Devices: []string{"5"}, Logs: keptLogs{}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(children.Close)

	_, err = children.Train(t.Context(), trainJob("environment", t.TempDir()), nil, ignore)
	require.ErrorContains(t, err, "XLA_FLAGS=--passes")
	require.ErrorContains(t, err, "CUDA_VISIBLE_DEVICES=5")
	require.NotContains(t, err.Error(), "secret")
	require.NotContains(t, err.Error(), "4,5")
}

func TestCancelKillsTheChildAndFreesTheSlot(t *testing.T) {
	children, logs := newTestChildren(t)
	ctx, cancel := context.WithCancel(t.Context())
	pid := 0
	_, err := children.Train(ctx, trainJob("pid", t.TempDir()), nil, func(p activities.Progress) error {
		if p.Step > 0 {
			pid = p.Step
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	gone(t, pid)
	require.Contains(t, logs["pid"], "started", "the log of a cancelled attempt is kept")

	_, err = children.Train(t.Context(), trainJob("happy", t.TempDir()), nil, ignore)
	require.NoError(t, err)
}

func TestFailedReportEndsTheJobWithItsError(t *testing.T) {
	children, _ := newTestChildren(t)
	full := errors.New("the store is full")
	_, err := children.Train(t.Context(), trainJob("hang", t.TempDir()), nil, func(activities.Progress) error { return full })
	require.ErrorIs(t, err, full)
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailTransient, failure.Class)
}

func TestDrainEndsPreemptedAfterACheckpoint(t *testing.T) {
	children, _ := newTestChildren(t)
	drain := make(chan struct{})
	var checkpoint string
	closed := false
	out, err := children.Train(t.Context(), trainJob("drain", t.TempDir()), drain, func(p activities.Progress) error {
		if !closed {
			close(drain)
			closed = true
		}
		if p.Checkpoint != "" {
			checkpoint = filepath.Base(p.Checkpoint)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomePreempted, out.Status)
	require.Equal(t, 15, out.Step)
	require.Equal(t, "step-0000000015", checkpoint)
}

func TestNoProcessOfTheChildIsLeft(t *testing.T) {
	children, _ := newTestChildren(t)
	staging := t.TempDir()
	began := time.Now()
	_, err := children.Train(t.Context(), trainJob("grandchild", staging), nil, ignore)
	require.NoError(t, err)
	require.Less(t, time.Since(began), child.AfterExit, "a grandchild that keeps stdout open is killed, not waited for")
	text, err := os.ReadFile(filepath.Join(staging, "grandchild.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	gone(t, pid)
}

func TestOneChildASlot(t *testing.T) {
	children, _ := newTestChildren(t)
	started := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error, 1)
	go func() {
		_, err := children.Train(ctx, trainJob("hang", t.TempDir()), nil, func(activities.Progress) error {
			close(started)
			return nil
		})
		finished <- err
	}()
	<-started
	waiting, giveUp := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer giveUp()
	_, err := children.Train(waiting, trainJob("happy", t.TempDir()), nil, ignore)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the only slot is taken")
	cancel()
	require.ErrorIs(t, <-finished, context.Canceled)
}

// A worker that is killed leaves no child behind.
func TestAKilledWorkerLeavesNoChild(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	worker := exec.Command(self, "fake-worker", "pid", t.TempDir())
	stdout, err := worker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, worker.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, worker.Process.Kill())
	_ = worker.Wait() // its error is the kill
	gone(t, pid)
}

// The heartbeat says that the backend compiles, until the next event.
func TestProgressSaysThatTheBackendCompiles(t *testing.T) {
	var p activities.Progress
	for _, e := range []struct {
		event job.Event
		want  bool
	}{{job.Event{Type: job.Opened, Backend: "go"}, false}, {job.Event{Type: job.Started}, false}, {job.Event{Type: job.Compiling}, true}, {job.Event{Type: job.Progress, Step: 10}, false}} {
		update(&p, e.event)
		require.Equal(t, e.want, p.Compiling, e.event.Type)
		require.Equal(t, "go", p.Backend)
	}
}

// A cancelled training of a program of the user leaves nothing of it, although only its own child knows the program.
func TestCancelKillsTheProgram(t *testing.T) {
	if !child.FindsAll {
		t.Skip("only Linux kills what left the group")
	}
	children, _ := newTestChildren(t)
	children.config.AllowCommands = true
	j := trainJob("program", t.TempDir())
	j.Spec.Trainer = &sweep.Trainer{Command: []string{"sleep"}}
	ctx, cancel := context.WithCancel(t.Context())
	pid := 0
	_, err := children.Train(ctx, j, nil, func(p activities.Progress) error {
		if pid = p.Step; pid > 0 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	gone(t, pid)
}

// What a worker and its child that were killed together have left is killed by the next worker.
func TestTheNextWorkerKillsPrograms(t *testing.T) {
	if !child.FindsAll {
		t.Skip("only Linux finds them")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	root := t.TempDir()
	staging := filepath.Join(root, "worker-1")
	require.NoError(t, os.MkdirAll(filepath.Join(staging, "out"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(staging, stagingLock), nil, 0o600))
	worker := exec.Command(self, "fake-worker", "program", filepath.Join(staging, "out"))
	stdout, err := worker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, worker.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, worker.Process.Kill())
	_ = worker.Wait() // its error is the kill
	require.NoError(t, syscall.Kill(pid, 0), "the program goes on")

	s, err := makeStaging(root)
	require.NoError(t, err)
	gone(t, pid)
	require.NoError(t, s.release())
}
