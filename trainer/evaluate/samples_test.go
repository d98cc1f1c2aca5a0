package evaluate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/samples"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// writeSamples writes images `[N, S, S, K]` as PNG files by class, n of each.
func writeSamples(t *testing.T, dir string, classes []string, images []float32, size, channels, n int) {
	t.Helper()
	values := size * size * channels
	for class, name := range classes {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		for k := range n {
			data, err := imagefile.Encode(dataset.Levels(images[(class*n+k)*values:][:values]), size)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%05d.png", k)), data, 0o600))
		}
	}
}

// The samples of a model, written to files and read again, have the metrics of the model, up
// to what 8 bits change.
func TestFilesHaveTheMetricsOfTheModel(t *testing.T) {
	spec := tinySpec()
	spec.Evaluate.Guidance, spec.Evaluate.SamplesPerClass = []float64{1}, 50
	own, err := evaluateAs(t, train(t), spec, nil)
	require.NoError(t, err)

	dir := t.TempDir()
	writeSamples(t, dir, own.about.Classes, own.images, spec.Dataset.Size, 1, 50)
	source, err := samples.Open(dir)
	require.NoError(t, err)
	set, err := source.Read(t.Context(), samples.FormOf(spec.Dataset, own.about.Classes), 50)
	require.NoError(t, err)
	r := &Result{dataset: spec.Dataset, about: own.about, images: set.Images}
	require.NoError(t, openEvaluator(t).measure(context.Background(), r, &spec, set.Labels, Whole))

	require.Equal(t, sweep.MetricNames(own.Metrics), sweep.MetricNames(r.Metrics))
	require.Contains(t, r.Metrics, "fid.tail")
	changed := 0
	for name, want := range own.Metrics {
		require.InDelta(t, want, r.Metrics[name], 1e-4*max(1, want), name) // half a level of 255 is lost
		if want != r.Metrics[name] {
			changed++
		}
	}
	require.Positive(t, changed, "else this test compares a result with itself")
	require.Equal(t, own.Floor, r.Floor)
	require.Equal(t, []any{50, own.Real, own.Features}, []any{r.Samples, r.Real, r.Features})
}

// programJob is the evaluation of samples of the classes of colours that a program has
// written: what fill puts into its folder.
func programJob(t *testing.T, fill func(dir string)) job.Evaluate {
	t.Helper()
	staging := t.TempDir()
	dir := filepath.Join(staging, "program")
	require.NoError(t, os.Mkdir(dir, 0o755))
	fill(dir)
	final, err := checkpoint.Seal(staging, dir, checkpoint.Manifest{Step: 10, Provenance: checkpoint.Provenance{Command: []string{"train"}}}, nil)
	require.NoError(t, err)
	spec := sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "theirs",
		Dataset:  sweep.Dataset{Name: sweep.ImageFolder, Path: colours(t), FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}},
		Trainer:  &sweep.Trainer{Command: []string{"train"}},
		Train:    sweep.Train{Steps: 10},
		Evaluate: sweep.Evaluate{SamplesPerClass: 4, Features: &sweep.Features{Path: trainertest.Classifier(t, 3)}},
		Metrics:  []sweep.Objective{{Name: "kid.head", Goal: sweep.Minimize}, {Name: "their_own", Goal: sweep.Maximize}, {Name: "loss", Goal: sweep.Minimize}},
		Gates:    &sweep.Gates{MaxMemorisedRatio: new(float64)},
	}
	params := sweep.Params{"their.weight": sweep.Number(2)}
	spec.Parameters = sweep.Space{{Name: "their.weight"}}
	return job.Evaluate{
		EvaluateJob: sweep.EvaluateJob{Task: sweep.Task{Spec: spec, Assignment: sweep.Assignment{Params: params}}, Checkpoint: final, Output: t.TempDir()},
		Backend:     backend.Go,
	}
}

func runJob(t *testing.T, j job.Evaluate) (last job.Event, err error) {
	t.Helper()
	err = Run(context.Background(), j, func(e job.Event) error {
		last = e
		return nil
	}, t.Logf)
	return last, err
}

// The child evaluates what a program has written: with all metrics that samples have, the gates'
// included, and a grid, and without those that the program itself measures.
func TestRunOfAProgram(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	made := make([]float32, 3*5*8*8*3)
	for i := range made {
		made[i] = float32(i%97)/48.5 - 1
	}
	j := programJob(t, func(dir string) {
		writeSamples(t, filepath.Join(dir, "samples"), []string{"0", "green", "red"}, made, 8, 3, 5)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "weights.pt"), []byte("weights"), 0o600))
	})
	last, err := runJob(t, j)
	require.NoError(t, err)
	require.Equal(t, job.Result, last.Type)
	for _, metric := range []string{"kid.head", "diversity.tail", "label_accuracy.all", "memorised_ratio.all"} {
		require.Contains(t, last.Metrics, metric)
	}
	require.NotContains(t, last.Metrics, "their_own")
	require.Contains(t, last.StandardError, "kid.head")
	require.Contains(t, last.Floor, "diversity.all")
	require.Equal(t, []any{4, 2}, []any{last.Samples, last.Real})
	require.Equal(t, "fid, kid", last.LeftOut[0].String()[:8])
	grid := readPNG(t, filepath.Join(j.Output, GridName))
	require.Equal(t, gridLabel+4*(8*gridScale+gridGap)+gridGap, grid.Bounds().Dx(), "four samples a class")

	_, err = Open(openGo(t), j.Checkpoint)
	require.ErrorContains(t, err, "has no model of tailsweep: it is of the program train (valid: `tailsweep evaluate --samples "+j.Checkpoint)

	// The evaluation trains a classifier where the spec asks for it.
	j.Spec.Metrics[0].Name = "cas.all"
	_, err = runJob(t, j)
	require.ErrorContains(t, err, "metrics[0].name: needs held-out real images")

	// A damaged copy may be whole elsewhere; bad samples stay bad.
	tar := filepath.Join(j.Checkpoint, checkpoint.SamplesName)
	data, err := os.ReadFile(tar)
	require.NoError(t, err)
	data[len(data)/2]++
	require.NoError(t, os.WriteFile(tar, data, 0o600))
	j.Spec.Metrics[0].Name = "kid.head"
	_, err = runJob(t, j)
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	require.Equal(t, sweep.FailTransient, classOf(t, err))
}

func classOf(t *testing.T, err error) sweep.FailureClass {
	t.Helper()
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	return failure.Class
}

func TestBadSamplesAreBadData(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	three := []string{"blue", "green", "red"}
	for want, fill := range map[string]func(dir string){
		"blue/00000.png: an image of 9x9 pixels (valid: 8x8": func(dir string) {
			writeSamples(t, filepath.Join(dir, "samples"), three, make([]float32, 3*4*9*9*3), 9, 3, 4)
		},
		"evaluate.samples_per_class: ": func(dir string) {
			writeSamples(t, filepath.Join(dir, "samples"), three, make([]float32, 3*3*8*8*3), 8, 3, 3)
		},
		"is a checkpoint without samples": func(dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "weights.pt"), nil, 0o600))
		},
		"not an archive of NumPy": func(dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "samples.npz"), nil, 0o600))
		},
	} {
		_, err := runJob(t, programJob(t, fill))
		require.Error(t, err)
		require.Equal(t, sweep.FailBadData, classOf(t, err), err)
		require.ErrorContains(t, err, want)
	}
}
