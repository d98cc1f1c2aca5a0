package trainer

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// open makes a run whose events go to receive.
func open(t *testing.T, b *backend.Backend, j job.Train, drain <-chan struct{}, receive func(job.Event)) *run {
	t.Helper()
	r, err := newRun(t.Context(), j, Options{Backend: b, Drain: drain, Log: t.Logf, Events: func(e job.Event) error {
		receive(e)
		return nil
	}})
	require.NoError(t, err)
	t.Cleanup(r.close)
	return r
}

// A checkpoint that is written while steps change the variables is the one that
// was taken: the disk is held up until two steps later.
func TestStepsContinueWhileACheckpointIsWritten(t *testing.T) {
	b := openBackend(t, backend.Go)
	whole := tiny(t)
	train(t, b, whole, nil)

	j := tiny(t)
	sixth := make(chan struct{})
	var order []int
	r := open(t, b, j, nil, func(e job.Event) {
		switch {
		case e.Type == job.Progress && e.Step == 6:
			order = append(order, 6)
			close(sixth)
		case e.Type == job.Checkpoint:
			order = append(order, e.Step)
		}
	})
	r.writeCheckpoint = func(s snapshot) (string, error) {
		<-sixth
		return r.writeFolder(s)
	}
	require.NoError(t, r.train(t.Context()))
	require.Equal(t, []int{6, 4, 8}, order)
	for _, step := range []int{4, 8} {
		same(t, contents(t, whole, step), contents(t, j, step))
	}
}

func TestAFailedCheckpointFailsTheTraining(t *testing.T) {
	full := errors.New("the disk is full")
	for name, step := range map[string]int{"at the next step": 4, "at the end": 8} {
		t.Run(name, func(t *testing.T) {
			j := tiny(t)
			j.Spec.Train.LogEvery = 1
			var last job.Event
			r := open(t, openBackend(t, backend.Go), j, nil, func(e job.Event) { last = e })
			r.writeCheckpoint = func(s snapshot) (string, error) {
				if s.state.Step == step {
					return "", full
				}
				return r.writeFolder(s)
			}
			require.ErrorIs(t, r.train(t.Context()), full)
			require.Equal(t, job.Progress, last.Type)
			if step == 4 {
				require.Less(t, last.Step, 8, "it does not wait for the next checkpoint")
			}
		})
	}
}

func TestDrainWaitsForTheCheckpoint(t *testing.T) {
	j := tiny(t)
	j.Spec.Train.LogEvery = 4
	drain, asked := make(chan struct{}), make(chan struct{})
	var types []job.Type
	r := open(t, openBackend(t, backend.Go), j, drain, func(e job.Event) {
		types = append(types, e.Type)
		if e.Type == job.Progress && e.Step == 4 {
			close(drain) // a checkpoint of this very step is begun before the drain is seen
		}
	})
	r.options.Log = func(format string, _ ...any) {
		if strings.HasPrefix(format, "asked to stop") {
			close(asked)
		}
	}
	r.writeCheckpoint = func(s snapshot) (string, error) {
		<-asked
		return r.writeFolder(s)
	}
	require.NoError(t, r.train(t.Context()))
	require.Equal(t, []job.Type{job.Checkpoint, job.Preempted}, types[len(types)-2:], "the worker takes the folder away: it is named once")
	_, err := checkpoint.Verify(filepath.Join(j.Staging, checkpoint.DirName(4)))
	require.NoError(t, err)
}

// A child is killed at several moments of training and writing: what has a checkpoint's
// name is complete, and the rest of the training equals the uninterrupted one.
func TestKillLeavesCompleteCheckpoints(t *testing.T) {
	whole := tiny(t)
	whole.Spec.Train.Steps, whole.Spec.Train.LogEvery, whole.Spec.Checkpoints.EverySteps = 12, 1, 1
	train(t, openBackend(t, backend.Go), whole, nil)

	j := whole
	j.Staging = t.TempDir()
	for _, event := range []int{4, 6, 7, 9, 10} {
		cmd, _, events := startChild(t, j, fmt.Sprintf("%s=%d", killEnv, event))
		for range events {
		}
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &exit)
		require.Equal(t, -1, exit.ExitCode(), "killed, not ended")

		dirs, err := filepath.Glob(filepath.Join(j.Staging, "step-*"))
		require.NoError(t, err)
		for _, dir := range dirs {
			m, err := checkpoint.Verify(dir)
			require.NoError(t, err)
			same(t, contents(t, whole, m.Step), contents(t, j, m.Step))
			j.Resume = dir // the last in order of names
		}
	}
	require.NotEmpty(t, j.Resume)
	cmd, _, events := startChild(t, j)
	await(t, events, job.Done)
	require.NoError(t, cmd.Wait())
	same(t, contents(t, whole, 12), contents(t, j, 12))
}
