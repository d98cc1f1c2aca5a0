package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
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
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 50}, StandardError: map[string]float64{"fid.tail": 2}, LeftOut: []sweep.LeftOut{{Families: []string{"recall"}, Least: 20, Classes: []string{"bag"}}}, Floor: map[string]float64{"fid.tail": 4}, FloorError: map[string]float64{"fid.tail": 0.5}, Guidance: 1.5, Samples: 50, Real: 500},
	})
	require.Equal(t, []string{"METRIC    VALUE ± 95 %  FLOOR ± 95 %", "fid.tail      50 ± 3.9      4 ± 0.98", "recall without bag: fewer than 20 real images", "at guidance 1.5, 50 samples of each class, against 500 real images of the rarest"}, lines)
}

// A classifier is measured by class: one that knows only the largest class is not good enough.
func TestClassifierIsMeasuredByClass(t *testing.T) {
	made := features.Trained{
		About: dataset.About{
			Classes: []string{"ant", "bee", "cat", "dog"}, Counts: []int{90, 6, 2, 1},
			Groups: sweep.ClassGroups{Head: []int{0}, Medium: []int{1, 2}, Tail: []int{3}},
		},
		Steps: 400, Epochs: 518, Digest: "abc",
	}
	made.Labels = slices.Concat(slices.Repeat([]int{0}, 10), []int{1, 1, 2})
	made.Predictions = slices.Repeat([]int{0}, 13)
	c := classifierOf(made, "f.st")
	require.InDelta(t, 10.0/13, c.Accuracy, 1e-9, "above the limit")
	require.InDelta(t, 1.0/3, c.Balanced, 1e-9, "and yet")
	require.Equal(t, map[string]float64{sweep.GroupHead: 1, sweep.GroupMedium: 0}, c.Groups)
	require.Equal(t, ClassAccuracy{Name: "bee", Group: sweep.GroupMedium, Images: 6, Tested: 2, Accuracy: new(0.0)}, c.Classes[1])
	require.Nil(t, c.Classes[3].Accuracy)
	require.Equal(t, 99, c.Images)
	require.Equal(t, "warning: balanced accuracy 0.33 is below 0.7: metrics based on this classifier are unreliable; use more images of bee, cat, or --epochs above 518", c.warning(), "fewer than those trained for change nothing")
	require.Equal(t, []string{
		"CLASS  NAME  GROUP   IMAGES  TESTED  ACCURACY",
		"    0  ant   head        90      10    1.0000",
		"    1  bee   medium       6       2    0.0000",
		"    2  cat   medium       2       1    0.0000",
		"    3  dog   tail         1       0         -",
		"head    accuracy 1.0000",
		"medium  accuracy 0.0000",
		"not tested, so not counted: dog",
		"balanced accuracy 0.3333, accuracy 0.7692 of 13 tested images",
		"400 steps on 99 images, sha256 abc",
		"wrote f.st",
	}, c.text(&cli.App{}))

	made.Predictions = made.Labels
	require.Empty(t, classifierOf(made, "").warning())
	made.Labels, made.Predictions = nil, nil
	require.Contains(t, classifierOf(made, "").warning(), "warning: ", "nothing is known")
}

// Mistakes are found before the work.
func TestTrainClassifierRefuses(t *testing.T) {
	dir := t.TempDir()
	for want, arguments := range map[string][]string{
		"--to FILE is missing":           {"fashion-mnist-10k"},
		"is a folder (valid: a file)":    {"fashion-mnist-10k", "--to", dir},
		"there is no folder /nowhere":    {"fashion-mnist-10k", "--to", "/nowhere/f"},
		"--size is 20 (valid: 28, 16)":   {"fashion-mnist-10k", "--to", dir + "/f", "--size", "20"},
		"--size is for a dataset withou": {"../../../examples/quickstart.yaml", "--to", dir + "/f", "--size", "16"},
		"neither a folder nor a spec":    {"nothing.yaml", "--to", dir + "/f"},
	} {
		var out bytes.Buffer
		cmd := Features(&cli.App{Out: &out, Err: &out})
		cmd.SetArgs(append([]string{"train"}, arguments...))
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err := cmd.ExecuteContext(t.Context())
		require.ErrorContains(t, err, want)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(err), want)
	}
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
	_, _, err = newJob(a, "../../../examples/quickstart.yaml", trainFlags{dir: t.TempDir(), resume: dir, backend: &cli.Choice{Value: "go"}})
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.ErrorContains(t, err, "the checkpoint is of step 451, and the spec ends at train.steps = 450")
}

// A training that diverges has an exit code of its own.
func TestTrainThatDiverges(t *testing.T) {
	var out bytes.Buffer
	a := &cli.App{Out: &out, Err: &out}
	j, _, err := newJob(a, "../../../examples/quickstart.yaml", trainFlags{dir: t.TempDir(), backend: &cli.Choice{Value: "go"}})
	require.NoError(t, err)
	j.Spec.Model.Width, j.Spec.Train.Batch, j.Spec.Train.Steps, j.Spec.Train.WarmupSteps = 4, 4, 4, 0
	j.Spec.Train.LR = 1e38 // a spec has at most 1
	require.Equal(t, cli.ExitDiverged, cli.CodeOf(trainByHand(t.Context(), a, j)), out.String())
	require.Contains(t, out.String(), "diverged at step")
}
