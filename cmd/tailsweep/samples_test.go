package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/machine"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// evaluated is the JSON that evaluate prints.
func evaluated(t *testing.T, arguments ...string) (e machine.EvaluatedSamples, err string) {
	t.Helper()
	r := cmdline(t, nil, "", append([]string{"evaluate", "--backend", "go", "-o", "json"}, arguments...)...)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.NoError(t, json.Unmarshal([]byte(r.out), &e))
	return e, r.Err
}

// The same samples have the same metrics, whether they come from the model or from its PNG
// files, up to what 8 bits change.
func TestSamplesOfFilesAreWorthWhatTheModelIs(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at 10,000 images three times")
	}
	dir := t.TempDir()
	spec := filepath.Join(dir, "tiny.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(`
apiVersion: tailsweep/v1
name: tiny
method: grid
dataset: {name: fashion-mnist-10k, size: 16}
model: {arch: dit, width: 8, depth: 1, patch: 8, heads: 1}
train: {steps: 10, batch: 20, lr: 0.05, warmup_steps: 0, ema: 0.9, log_every: 1}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 2, seed: 3}
parameters: {infonce.weight: {value: 0}}
metrics: [{name: fid.tail}]
checkpoints: {every_steps: 10}
`), 0o600))
	r := cmdline(t, nil, "", "train", spec, "--to", dir, "--backend", "go")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	model := filepath.Join(dir, checkpoint.DirName(10))
	drawn := filepath.Join(dir, "drawn")
	r = cmdline(t, nil, "", "generate", model, "--backend", "go", "--per-class", "55", "--gates", "none", "--seed", "3", "--to", drawn)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)

	own, _ := evaluated(t, model)
	theirs, _ := evaluated(t, "--samples", drawn, "--dataset", spec)
	byName, _ := evaluated(t, "--samples", drawn, "--dataset", sweep.FashionMNIST10k, "--per-class", "50")
	require.Equal(t, sweep.MetricNames(own.Metrics), sweep.MetricNames(theirs.Metrics))
	require.Contains(t, theirs.Metrics, "fid.tail")
	changed := 0
	for name, want := range own.Metrics {
		require.InDelta(t, want, theirs.Metrics[name], 1e-4*max(1, want), name)
		require.InDelta(t, own.StandardError[name], theirs.StandardError[name], 1e-4*max(1, want), name)
		if want != theirs.Metrics[name] {
			changed++
		}
	}
	require.Positive(t, changed, "8 bits show")
	require.Equal(t, theirs.Metrics, byName.Metrics, "the spec has the defaults")
	require.Equal(t, own.Floor, theirs.Floor)
	require.Equal(t, own.Features, theirs.Features)
	want := machine.Compared{
		Path: drawn, Samples: 500, Dataset: sweep.FashionMNIST10k, Size: 16, Channels: 1, Classes: 10, Real: 10_000, Training: 2478, Split: "imbalance exp, factor 0.01",
		Network: fmt.Sprintf("the built-in classifier (SHA-256 %.12s)", own.Features),
		Notes:   []string{"3 files of " + drawn + " are no images and were ignored", "the first 50 samples of each class were used, of up to 55"},
	}
	require.Equal(t, want, theirs.Compared)
}

func TestSamplesAgainstAFolderOfImages(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, grid := greys(t), filepath.Join(t.TempDir(), "grid.png")
	features := trainertest.Classifier(t, 3)
	samples := filepath.Join(t.TempDir(), "drawn")
	require.NoError(t, os.CopyFS(samples, os.DirFS(images))) // 6, 3 and 2 of the classes
	refused := func(want string, arguments ...string) {
		t.Helper()
		r := cmdline(t, nil, "", append([]string{"evaluate", "--backend", "go"}, arguments...)...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, want)
	}
	// Grey images, of which the published network knows nothing.
	refused("--features is missing, and no network knows grey images such as these (valid: a file of `tailsweep features train FOLDER --size 8", "--samples", samples, "--images", images)
	refused("evaluate.features.path: features: stat /nowhere", "--samples", samples, "--images", images, "--features", "/nowhere")
	refused("the classifier expects images with 3 channels; these have 1", "--samples", samples, "--images", images, "--features", features)

	refused("--samples needs the real images (valid: one of --dataset SPEC", "--samples", samples)
	refused("--samples needs the real images", "--samples", samples, "--images", images, "--dataset", "cifar-10")
	refused("are for --samples", "--per-class", "3", "--untrained", "x")
	refused("--samples with a checkpoint folder or --untrained", "--samples", samples, "--images", images, samples)
	refused("give a checkpoint folder, --untrained SPEC or --samples")
	refused("open /nowhere: no such file", "--samples", samples, "--dataset", "/nowhere")
	refused("dataset.size: 8 (valid: 28, 16)", "--samples", samples, "--dataset", sweep.FashionMNIST10k)
	refused("evaluate: --samples: stat "+samples+"/none: no such", "--samples", samples+"/none", "--images", images)

	colours := func(dir string) { // turns the images into colour
		files, err := filepath.Glob(filepath.Join(dir, "*", "*.png"))
		require.NoError(t, err)
		for i, f := range files {
			data := make([]float32, 8*8*3)
			for k := range data {
				data[k] = float32((i+k)%9)/4 - 1
			}
			set := dataset.Set{Size: 8, Channels: 3, Labels: []int{0}, Images: dataset.InMemory(data, len(data)), About: dataset.About{Classes: []string{"x"}, Counts: []int{1}}}
			out := filepath.Join(t.TempDir(), "x")
			require.NoError(t, set.WriteFolder(out, nil))
			require.NoError(t, os.Rename(filepath.Join(out, "x", "000000.png"), f))
		}
	}
	colours(samples)
	refused("dark/0.png: an image with colours (valid: grey, as the dataset is)", "--samples", samples, "--images", images, "--features", features)
	colours(images)
	e, stderr := evaluated(t, "--samples", samples, "--images", images, "--features", features, "--grid", grid)
	require.Equal(t, 2, e.Samples, "those of the class with the fewest")
	require.Contains(t, e.Metrics, "kid.head")
	require.Equal(t, machine.Compared{
		Path: samples, Samples: 6, Dataset: sweep.ImageFolder, Images: images, Size: 8, Channels: 3, Classes: 3, Real: 11, Training: 11, Split: "all images",
		Network: fmt.Sprintf("%s (SHA-256 %.12s)", features, e.Features), Notes: []string{"the first 2 samples of each class were used, of up to 6"},
	}, e.Compared)
	require.Contains(t, stderr, "go on ")
	require.FileExists(t, grid)
	refused("evaluate.samples_per_class: "+samples+" has 2 samples of class light (3; valid: at most 2, or more samples)", "--samples", samples, "--images", images, "--features", features, "--per-class", "3")

	r := cmdline(t, nil, "", "evaluate", "--backend", "go", "--samples", samples, "--images", images, "--features", features)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.out, "kid.head")
	for _, line := range []string{
		"samples   " + samples + ": 6 images, 2 of each of 3 classes, 8x8 RGB",
		"real      " + images + ": 11 images, 2 images of the rarest class",
		"training  11 images (all images): memorised_ratio compares with them",
		"features  " + features,
		"note      the first 2 samples",
	} {
		require.Contains(t, r.out, line)
	}
}

// A folder with real images among the generated ones is not evaluated.
func TestRealImagesAreNoSamples(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, out := greys(t), filepath.Join(t.TempDir(), "out")
	r := cmdline(t, nil, "", "generate", trainedOnGreys(t, images), "--backend", "go", "--per-class", "2", "--gates", "none", "--with-real", "--to", out)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	r = cmdline(t, nil, "", "evaluate", "--samples", out, "--images", images)
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "has training images among the generated ones (valid: a folder of `tailsweep generate` without --with-real)")
}

// The checkpoint of a program has samples, and no model.
func TestTheCheckpointOfAProgram(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, staging := greys(t), t.TempDir()
	program := filepath.Join(staging, "program")
	require.NoError(t, os.MkdirAll(program, 0o755))
	require.NoError(t, os.CopyFS(filepath.Join(program, "samples"), os.DirFS(images)))
	dir, err := checkpoint.Seal(staging, program, checkpoint.Manifest{Step: 5, Provenance: checkpoint.Provenance{Command: []string{"python", "train.py"}}}, nil)
	require.NoError(t, err)
	for _, arguments := range [][]string{{"evaluate", dir}, {"sample", dir, "--to", filepath.Join(t.TempDir(), "x.png")}, {"generate", dir, "-n", "1", "--to", t.TempDir()}} {
		r := cmdline(t, nil, "", append(arguments, "--backend", "go")...)
		require.Equal(t, cli.ExitUsage, r.Code, arguments)
		require.Contains(t, r.Err, "tailsweep cannot sample it (valid: `tailsweep evaluate --samples "+dir+"`", arguments)
	}
	r := cmdline(t, nil, "", "evaluate", "--backend", "go", "--samples", dir, "--images", images, "--features", trainertest.Classifier(t, 3))
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "these have 1", "the samples were found")
}
