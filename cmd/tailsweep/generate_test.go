package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/generate"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// greys is an image folder of 6 dark images, 3 grey and 2 light ones.
func greys(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		images int
		level  uint8
	}{"dark": {6, 20}, "grey": {3, 120}, "light": {2, 220}} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		for k := range c.images {
			img := image.NewGray(image.Rect(0, 0, 8, 8))
			for i := range img.Pix {
				img.Pix[i] = c.level + uint8(k)
			}
			img.SetGray(k, 0, color.Gray{255})
			f, err := os.Create(filepath.Join(dir, name, fmt.Sprintf("%d.png", k)))
			require.NoError(t, err)
			require.NoError(t, png.Encode(f, img))
			require.NoError(t, f.Close())
		}
	}
	return dir
}

// trainedOnGreys is the checkpoint folder of trial 1 of the sweep "done", which trained
// for a moment.
func trainedOnGreys(t *testing.T, images string) string {
	t.Helper()
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	j := job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Attempt: 1, Spec: sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "done",
		Dataset:     sweep.Dataset{Name: sweep.ImageFolder, Path: images, FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}},
		Model:       sweep.Model{Arch: sweep.ArchDiT, Width: 8, Depth: 1, Patch: 4, Heads: 1},
		Train:       spectest.Train(sweep.Train{Steps: 3, Batch: 4, LR: 3e-3, EMA: 0.9, Seed: 1, LogEvery: 1}),
		Evaluate:    sweep.Evaluate{SamplesPerClass: 2, Guidance: []float64{0.5}, Sampler: sweep.SamplerDDIM, DDIMSteps: 2, Seed: 5, Features: &sweep.Features{Path: trainertest.Classifier(t, 3)}},
		Generate:    &sweep.Generate{Gates: []string{sweep.GateLabel}, Attempts: 2},
		Checkpoints: sweep.Checkpoints{EverySteps: 3},
	}, Assignment: sweep.Assignment{Number: 1, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{}}}, Staging: t.TempDir()}}
	require.NoError(t, trainer.Train(t.Context(), j, trainer.Options{Backend: b, Events: func(job.Event) error { return nil }}))
	return filepath.Join(j.Staging, checkpoint.DirName(3))
}

func TestGenerate(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images := greys(t)
	from := trainedOnGreys(t, images)
	out := filepath.Join(t.TempDir(), "out")
	r := cmdline(t, nil, "", "generate", from, "--backend", "go", "--class", "grey,0", "-n", "3", "--gates", "none", "--to", out, "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var made generate.Summary
	require.NoError(t, json.Unmarshal([]byte(r.out), &made))
	require.Equal(t, []generate.Class{
		{Name: "dark", Folder: "dark", Trained: 6, Wanted: 2, Kept: 2, Drawn: 2, Refused: map[string]int{}},
		{Name: "grey", Folder: "grey", Trained: 3, Wanted: 1, Kept: 1, Drawn: 1, Refused: map[string]int{}},
	}, made.Classes, "a total is spread evenly")
	require.Equal(t, 0.5, made.Settings.Guidance, "the one scale of the spec")
	require.Equal(t, 2, made.Settings.Steps)
	require.FileExists(t, filepath.Join(out, "grey", "generated-000000.png"))

	r = cmdline(t, nil, "", "generate", from, "--backend", "go", "--per-class", "2", "--gates", "none", "--to", out, "--guidance", "2")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "--guidance is 2, and was 0.5")

	// The spec's gates; the classifier of zeros takes everything for class 0.
	out = filepath.Join(t.TempDir(), "out")
	r = cmdline(t, nil, "", "generate", from, "--backend", "go", "--fill-to", "7", "--with-real", "--to", out)
	require.Equal(t, cli.ExitFewer, r.Code, r.Err)
	require.Contains(t, r.Err, "9 images are missing: no draw passed the gates, with 2 draws at most for each")
	require.Contains(t, r.out, "with 11 training images")
	require.Regexp(t, `(?m)^CLASS +TRAINED +WANTED +KEPT +DRAWN +LABEL\ndark +6 +1 +1 +1 +0\ngrey +3 +4 +0 +8 +8\nlight +2 +5 +0 +10 +10$`, r.out)

	r = cmdline(t, nil, "", "cas", out, "--backend", "go", "--seeds", "1")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "no held-out images")
	r = cmdline(t, nil, "", "cas", from, "--backend", "go")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "has no generate.json")
	other := greys(t)
	require.NoError(t, os.Rename(filepath.Join(other, "grey"), filepath.Join(other, "gray")))
	r = cmdline(t, nil, "", "cas", out, "--backend", "go", "--held-out", other)
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, `"gray" is not a class of the model (valid: folders named as the classes: dark, grey, light)`)
}

// The best trial of a sweep, or another one, is pulled, verified, to draw from it.
func TestGenerateFromASweep(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	from := trainedOnGreys(t, greys(t))
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	spec, text, err := archive.New(clitest.Archived(t)).LoadSpec(t.Context(), "done")
	require.NoError(t, err)
	clitest.Begin(t, arc, spec, text)
	ref, err := arc.Upload(t.Context(), "done", 1, 1, from)
	require.NoError(t, err)
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 0, []sweep.Trial{{
		Assignment: sweep.Assignment{Number: 1, Kind: sweep.KindSearch, Params: clitest.Weights(1, 0), Seed: 1}, Checkpoint: ref.Key,
		Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Guidance: 1.5, Metrics: map[string]float64{"fid.tail": 1, "fid.head": 1}},
	}}))
	draw := func(arguments ...string) (result, generate.Summary) {
		r := cmdline(t, objects, "", append([]string{"generate", "--backend", "go", "--per-class", "1", "--gates", "none", "-o", "json"}, arguments...)...)
		var made generate.Summary
		if r.Code == cli.ExitOK {
			require.NoError(t, json.Unmarshal([]byte(r.out), &made))
		}
		return r, made
	}
	out := filepath.Join(from, "..", "out")
	t.Chdir(t.TempDir()) // with folders of images
	require.NoError(t, errors.Join(os.MkdirAll("done/cat", 0o755), os.MkdirAll("undone/cat", 0o755)))
	for _, trial := range [][]string{nil, {"--trial", "1"}} {
		r, made := draw(append(trial, "done", "--to", out)...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.Equal(t, 1.5, made.Settings.Guidance, "that of the trial's evaluation")
		require.Equal(t, 3, made.Classes[0].Kept+made.Classes[1].Kept+made.Classes[2].Kept)
	}
	r, _ := draw("done", "--trial", "9", "--to", out)
	require.Equal(t, cli.ExitNotFound, r.Code)
	r, _ = draw("undone", "--to", out)
	require.Equal(t, cli.ExitNotFound, r.Code)
	require.Contains(t, r.Err, "the folder undone has no checkpoint")
	require.NoError(t, arc.Remove(t.Context(), ref.Key))
	r, _ = draw("done", "--to", out)
	require.Equal(t, cli.ExitNotFound, r.Code)
	require.Contains(t, r.Err, "the checkpoint of trial 1 was removed")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	require.Empty(t, left, "what was pulled")
}
