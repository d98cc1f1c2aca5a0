package generate

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

func openBackend(t *testing.T, name string) *backend.Backend {
	t.Helper()
	if _, ok := backend.Installed(backend.CPU); name == backend.XLACPU && (!ok || !backend.HasXLA) {
		t.Skip("XLA's CPU plugin is not installed (tailsweep backend install) or this build has no cgo")
	}
	b, err := backend.Open(name)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// colours is a folder of 6 red, 3 green and 2 blue images of 20x16 pixels, of which one is a GIF.
func colours(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for class, c := range map[string]struct {
		images int
		colour color.NRGBA
	}{"red": {6, color.NRGBA{220, 20, 20, 255}}, "green": {3, color.NRGBA{20, 220, 20, 255}}, "blue": {2, color.NRGBA{20, 20, 220, 255}}} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o755))
		for k := range c.images {
			img := image.NewNRGBA(image.Rect(0, 0, 20, 16))
			for i := range 20 * 16 {
				img.SetNRGBA(i%20, i/20, c.colour)
			}
			img.SetNRGBA(9, k, color.NRGBA{255, 255, 255, 255})
			var b bytes.Buffer
			name := fmt.Sprintf("%d.PNG", k)
			if class == "red" && k == 1 {
				name = "1.gif"
				require.NoError(t, gif.Encode(&b, img, nil))
			} else {
				require.NoError(t, png.Encode(&b, img))
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, class, name), b.Bytes(), 0o600))
		}
	}
	return dir
}

// train returns the checkpoint folder of a short training on images of colours.
func train(t *testing.T, b *backend.Backend, images string, model sweep.Model, steps int) string {
	t.Helper()
	j := job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "colours",
		Dataset:     sweep.Dataset{Name: sweep.ImageFolder, Path: images, FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}},
		Model:       model,
		Train:       spectest.Train(sweep.Train{Steps: steps, Batch: 8, LR: 3e-3, EMA: 0.9, Seed: 1, LogEvery: 20}),
		Evaluate:    sweep.Evaluate{SamplesPerClass: 2, Guidance: []float64{1}, Sampler: sweep.SamplerDDIM, DDIMSteps: 4, Seed: 5, Features: &sweep.Features{Path: trainertest.Classifier(t, 3)}},
		Checkpoints: sweep.Checkpoints{EverySteps: steps},
	}, Assignment: sweep.Assignment{Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{}}}, Staging: t.TempDir()}}
	require.NoError(t, trainer.Train(t.Context(), j, trainer.Options{Backend: b, Events: func(job.Event) error { return nil }}))
	return filepath.Join(j.Staging, checkpoint.DirName(steps))
}

var nets = map[string]sweep.Model{
	"dit":  {Arch: sweep.ArchDiT, Width: 16, Depth: 2, Patch: 2, Heads: 2},
	"unet": {Arch: sweep.ArchUNet, Width: 8, Depth: 1, Mult: []int{1, 2}},
}

// The bits of an image do not depend on what is drawn with it, nor on when: of trained
// nets on each backend.
func TestBitsDoNotDependOnWhatElseIsDrawn(t *testing.T) {
	images := colours(t)
	for _, name := range []string{backend.Go, backend.XLACPU} {
		for net, model := range nets {
			t.Run(name+" "+net, func(t *testing.T) {
				b, trainer := openBackend(t, name), openBackend(t, backend.Go)
				t.Setenv(folder.CacheVariable, t.TempDir()) // the plugin is in the real one
				dir := train(t, trainer, images, model, 20)
				var want map[string]string
				for _, calls := range [][][]int{{{0, 0, 40}}, {{2, 0, 5}, {0, 0, 40}}} {
					o := options(t, b, dir)
					o.Gates = []string{}
					for _, o.Wanted = range calls {
						_, err := Run(t.Context(), o)
						require.NoError(t, err)
					}
					got := files(t, filepath.Join(o.Dir, "red"))
					require.Len(t, got, 40)
					if want == nil {
						want = got
					}
					require.Equal(t, want, got, "%v", calls)
				}
				require.NotEqual(t, want["generated-000000.png"][200:], want["generated-000032.png"][200:])
			})
		}
	}
}

// options draw from a checkpoint of a training on images.
func options(t *testing.T, b *backend.Backend, dir string, wanted ...int) Options {
	t.Helper()
	m, err := evaluate.Open(b, dir)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	manifest, err := checkpoint.ReadManifest(dir)
	require.NoError(t, err)
	return Options{
		Backend: b, Model: m, Manifest: manifest, Dir: filepath.Join(t.TempDir(), "out"),
		Wanted: wanted, Attempts: 3, Seed: 2, Guidance: 1, Steps: 4,
		Real: func() (r Real, err error) {
			if r.Training, err = dataset.Load(m.Spec.Dataset); err != nil {
				return r, err
			}
			r.Balanced, err = dataset.Balanced(m.Spec.Dataset)
			return r, err
		},
		Log: t.Logf,
	}
}

func TestRun(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, b := colours(t), openBackend(t, backend.Go)
	dir := train(t, b, images, nets["dit"], 60)
	o := options(t, b, dir, 5, 0, 4)
	o.Gates = []string{}
	s, err := Run(t.Context(), o)
	require.NoError(t, err)
	require.Zero(t, s.Missing)
	require.True(t, s.Settings.DatasetRead)
	require.Len(t, s.Settings.Classifier, 64)
	require.Equal(t, []string{"blue", "green", "red"}, s.Settings.Classes)
	rows, _, err := ReadIndex(filepath.Join(o.Dir, indexName))
	require.NoError(t, err)
	require.Len(t, rows, 9)
	for _, r := range rows {
		require.Equal(t, "blue", r.Label, "the classifier of zeros takes everything for class 0")
		require.InDelta(t, 1.0/3, r.Probability, 1e-4)
		require.Positive(t, r.Nearest)
	}

	// What is drawn with it changes no image and no row.
	alone := options(t, b, dir, 0, 0, 4)
	alone.Gates = []string{}
	_, err = Run(t.Context(), alone)
	require.NoError(t, err)
	both, one := files(t, o.Dir), files(t, alone.Dir)
	for index := range 4 {
		name := fmt.Sprintf("red/generated-%06d.png", index)
		require.NotEmpty(t, both[name])
		require.Equal(t, both[name], one[name])
	}

	// The sampler of the evaluations draws the same images, which have been rounded.
	m := *o.Model
	m.Spec.Evaluate.Seed = 2
	sampler, err := m.Sampler(drawBatch)
	require.NoError(t, err)
	defer sampler.Close()
	sample, err := sampler.Sample(t.Context(), []diffusion.SampleID{{Class: 2, Index: 3}}, 1, 4, nil)
	require.NoError(t, err)
	pixels, err := decodeFile(filepath.Join(o.Dir, "red/generated-000003.png"), 8, 3)
	require.NoError(t, err)
	require.Equal(t, dataset.Levels(sample), pixels)

	// By default all gates: the classifier agrees for blue alone.
	o = options(t, b, dir, 2, 0, 2)
	s, err = Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, sweep.ImageGates(), s.Settings.Gates)
	require.Equal(t, 6, s.Classes[1].Refused[sweep.GateLabel])
	require.GreaterOrEqual(t, s.Missing, 2)
}

// Without the images of the dataset, or with others, an image cannot be compared with them.
func TestRunWithoutTheDataset(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	images, b := colours(t), openBackend(t, backend.Go)
	dir := train(t, b, images, nets["dit"], 10)
	for _, lose := range []struct{ path, want string }{
		{filepath.Join(images, "red", "0.PNG"), "are not those that the checkpoint was trained on"},
		{images, "no such file or directory"},
	} {
		require.NoError(t, os.RemoveAll(lose.path))
		o := options(t, b, dir, 1, 1, 1)
		o.Gates = []string{sweep.GateNearCopy}
		_, err := Run(t.Context(), o)
		require.ErrorContains(t, err, "gate near_copy cannot be applied")
		require.True(t, isBadData(err))
		o.Gates, o.WithReal = []string{}, true
		_, err = Run(t.Context(), o)
		require.ErrorContains(t, err, "--with-real needs the training images")
		o.Gates, o.WithReal = nil, false
		var logged []string
		o.Log = func(format string, a ...any) { logged = append(logged, fmt.Sprintf(format, a...)) }
		s, err := Run(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, []string{sweep.GateLabel, sweep.GateDuplicate}, s.Settings.Gates)
		require.Len(t, logged, 1)
		require.Contains(t, logged[0], "warning: gate near_copy cannot be applied")
		require.Contains(t, logged[0], lose.want)
	}
}
