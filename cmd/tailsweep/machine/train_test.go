package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// A folder with checkpoints is refused before the first step, not after the last.
func TestTrainRefusesAUsedFolder(t *testing.T) {
	used := t.TempDir()
	step := func(name string) string { return filepath.Join(used, name) }
	for _, name := range []string{"step-0000000100", "step-0000000200"} {
		require.NoError(t, os.Mkdir(step(name), 0o755))
	}
	err := refuseUsed(used, "")
	require.ErrorContains(t, err, "--to "+used+" already contains checkpoints (last: step-0000000200)")
	require.ErrorContains(t, err, "--resume "+step("step-0000000200"))
	require.ErrorContains(t, refuseUsed(used, step("step-0000000100")), "a later checkpoint, step-0000000200")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(refuseUsed(used, filepath.Join(t.TempDir(), "step-0000000300"))), "a checkpoint of another folder")
	require.NoError(t, refuseUsed(used, step("step-0000000200")))
	t.Chdir(used)
	require.NoError(t, refuseUsed(used, "step-0000000200"))
	require.NoError(t, refuseUsed(t.TempDir(), step("step-0000000200")))
}

func TestResultText(t *testing.T) {
	lines := resultText(&evaluate.Result{
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 50}, StandardError: map[string]float64{"fid.tail": 2}, LeftOut: []sweep.LeftOut{{Families: []string{"recall"}, Least: 20, Classes: []string{"bag"}}}, Floor: map[string]float64{"fid.tail": 4}, Guidance: 1.5, Samples: 50, Real: 500},
	})
	require.Equal(t, []string{"METRIC    VALUE ± 95 %  FLOOR", "fid.tail      50 ± 3.9      4", "recall without bag: fewer than 20 real images", "at guidance 1.5, 50 samples and 500 real images per class"}, lines)
}

func TestAccuracyWarning(t *testing.T) {
	require.Empty(t, accuracyWarning(features.Trained{Accuracy: 0.7}, 12))
	require.Contains(t, accuracyWarning(features.Trained{Accuracy: 0.634}, 12), "warning: accuracy 0.63 on held-out images is below 0.7")
}

// A checkpoint beyond the end of the spec's training is refused before anything is
// loaded.
func TestTrainRefusesACheckpointBeyondTheEnd(t *testing.T) {
	from := t.TempDir()
	w, err := checkpoint.Create(from, checkpoint.Manifest{Step: 451})
	require.NoError(t, err)
	require.NoError(t, w.Bytes(checkpoint.ModelName, []byte("x")))
	dir, err := w.Commit()
	require.NoError(t, err)
	var out bytes.Buffer
	a := &cli.App{Out: &out, Err: &out}
	_, err = newJob(a, "../../../examples/quickstart.yaml", trainFlags{dir: t.TempDir(), resume: dir, backend: &cli.Choice{Value: "go"}})
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.ErrorContains(t, err, "the checkpoint is of step 451, and the spec ends at train.steps = 450")
}

// A training that diverges has an exit code of its own.
func TestTrainThatDiverges(t *testing.T) {
	var out bytes.Buffer
	a := &cli.App{Out: &out, Err: &out}
	j, err := newJob(a, "../../../examples/quickstart.yaml", trainFlags{dir: t.TempDir(), backend: &cli.Choice{Value: "go"}})
	require.NoError(t, err)
	j.Spec.Model.Width, j.Spec.Train.Batch, j.Spec.Train.Steps, j.Spec.Train.WarmupSteps = 4, 4, 4, 0
	j.Spec.Train.LR = 1e38 // a spec has at most 1
	require.Equal(t, cli.ExitDiverged, cli.CodeOf(trainByHand(t.Context(), a, j)), out.String())
	require.Contains(t, out.String(), "diverged at step")
}
