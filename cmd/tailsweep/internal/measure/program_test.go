package measure

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The speed is that of the steps after the first message, without what comes before it.
func TestProgramProbe(t *testing.T) {
	var now time.Time
	var said []string
	p := programProbe{
		now: func() time.Time { return now }, enough: 10 * time.Second,
		log: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
	}
	after := func(d time.Duration, e job.Event) bool {
		now = now.Add(d)
		return p.event(e)
	}
	require.False(t, after(50*time.Second, job.Event{Type: job.Started}))
	require.False(t, after(time.Second, job.Event{Type: job.Progress, Step: 100}))
	require.False(t, after(0, job.Event{Type: job.Progress, Step: 101}), "no time has passed")
	require.Zero(t, p.found)
	require.False(t, after(4*time.Second, job.Event{Type: job.Progress, Step: 120}))
	require.InDelta(t, 5, p.found.StepsPerSecond, 1e-9)
	require.False(t, after(8*time.Second, job.Event{Type: job.Progress, Step: 172}), "no checkpoint yet")
	require.InDelta(t, 6, p.found.StepsPerSecond, 1e-9)

	saved := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(saved, "weights"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(saved, "weights", "w.bin"), make([]byte, 1000), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(saved, "state.json"), make([]byte, 24), 0o600))
	require.True(t, after(time.Second, job.Event{Type: job.Checkpoint, Step: 172, Dir: saved}))
	require.EqualValues(t, 1024, p.found.CheckpointBytes)
	require.Equal(t, []string{"  first progress at step 100", "  step 172, 6.0 steps/s"}, said)
}

// programSpec is a spec whose program is a shell script.
func programSpec(t *testing.T, script string) (spec *sweep.Spec, dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte(script), 0o600))
	return &sweep.Spec{
		Name: "script", Trainer: &sweep.Trainer{Command: []string{"sh", "train.sh"}, Files: []string{"train.sh"}, Protocol: sweep.ProtocolPlain, SecondsToSave: 1},
		Train: sweep.Train{Steps: 1000, Seed: 1, LogEvery: 1}, Checkpoints: sweep.Checkpoints{EverySteps: 10},
		Parameters: []sweep.Parameter{{Name: "lr", Distribution: sweep.DistUniform, Min: 0, Max: 1}},
	}, dir
}

func TestProgramIsRunAndMeasured(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for name, c := range map[string]struct{ script, err string }{
		"steps":    {"i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo step=$i loss=1; sleep 0.05; done", ""},
		"silent":   {"sleep 100", "sh train.sh reported less than two steps in 1s (valid: messages of progress, or trainer.seconds_per_step in the spec)"},
		"failing":  {"echo no such column; exit 3", "no such column"},
		"one step": {"echo step=1 loss=1; sleep 100", "reported less than two steps"},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			spec, dir := programSpec(t, c.script)
			found, err := measured(t.Context(), &cli.App{Out: io.Discard, Err: &log}, spec, dir, time.Second, 0)
			left, globErr := filepath.Glob(filepath.Join(os.TempDir(), "tailsweep-*"))
			require.NoError(t, globErr)
			require.Empty(t, left, "a measurement leaves nothing behind")
			require.Contains(t, log.String(), "running sh train.sh for at most")
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Greater(t, found.StepsPerSecond, 0.5)
			require.Less(t, found.StepsPerSecond, 21.0)
		})
	}
}

// Ctrl-C ends the program at once.
func TestProgramMeasurementIsInterrupted(t *testing.T) {
	spec, dir := programSpec(t, "sleep 100")
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := fmt.Errorf("interrupted")
	cancel(interrupted)
	_, err := measured(ctx, &cli.App{Out: io.Discard, Err: io.Discard}, spec, dir, time.Hour, 0)
	require.ErrorIs(t, err, interrupted)
}

// The plan of a program knows no samples where there is no dataset, and no time of an evaluation
// that was not measured.
func TestSpeedOfAProgram(t *testing.T) {
	spec, _ := programSpec(t, "")
	spec.Budget.RunCap, spec.MaxConcurrentTrials = 3, 1
	speed, err := SpeedOf(spec, 10, "")
	require.NoError(t, err)
	require.Equal(t, 100*time.Second, cost.Of(spec, speed).TrialTime)
	spec.Dataset = sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16}
	spec.Evaluate = sweep.Evaluate{SamplesPerClass: 50}
	require.Equal(t, 100*time.Second, cost.Of(spec, speed).TrialTime)
	speed.CheckpointBytes = 1000
	require.EqualValues(t, 3*100*1000, cost.Of(spec, speed).WrittenBytes)

	n, why := programSlots(8, machine{cores: 4, memory: unknown})
	require.Equal(t, 2, n)
	require.Contains(t, why, "one for 2 cores")
	n, _ = programSlots(8, machine{cores: 4, gpus: 3, memory: 1})
	require.Equal(t, 3, n)
}
