package dataset_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// madeUp is a small set in the published form of CIFAR-10 or CIFAR-100.
type madeUp struct {
	name     string
	folder   string   // in the archive
	training []string // files, each with as many images
	others   []string // files that are not read
	classes  int
	perClass int
	coarse   bool // a record begins with a coarse label
}

// colour of a class: a level of red, green and blue.
func colour(class int) [3]float64 {
	return [3]float64{40 + 44*float64(class%5), 40 + 44*float64(class/5%5), 40 + 44*float64(class/25%5)}
}

// record is an image of the class's colour, lighter towards the right, with noise.
func (m madeUp) record(class int, r *rand.Rand) []byte {
	data := []byte{byte(class)}
	if m.coarse {
		data = []byte{byte((class + 7) % 20), byte(class)}
	}
	for _, level := range colour(class) {
		for i := range 32 * 32 {
			data = append(data, byte(level+float64(i%32-16)/2+16*r.Float64()-8))
		}
	}
	return data
}

// files are the set's, by name, the classes mixed.
func (m madeUp) files() map[string][]byte {
	r := rand.New(rand.NewPCG(3, 1))
	files := map[string][]byte{}
	for i, k := range r.Perm(m.classes * m.perClass) {
		name := m.training[i*len(m.training)/(m.classes*m.perClass)]
		files[name] = append(files[name], m.record(k%m.classes, r)...)
	}
	return files
}

// write writes the archive of CIFAR-10, or the unpacked folder of CIFAR-100, as the
// publisher has them, and returns its path.
func (m madeUp) write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	for _, name := range m.others {
		files[name] = []byte("not read")
	}
	if m.name == sweep.CIFAR100 {
		folder := filepath.Join(t.TempDir(), m.folder)
		require.NoError(t, os.Mkdir(folder, 0o755))
		for name, data := range files {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o600))
		}
		return folder
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	archive := tar.NewWriter(packed)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: m.folder + "/", Typeflag: tar.TypeDir, Mode: 0o755}))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: path.Join(m.folder, name), Size: int64(len(files[name])), Mode: 0o644}))
		_, err := archive.Write(files[name])
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, packed.Close())
	where := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	require.NoError(t, os.WriteFile(where, out.Bytes(), 0o600))
	return where
}

// writeClassifier writes a classifier that recognises classes by their mean colour, in the
// form of those that `tailsweep features train` makes. Three of its 64 features are that
// colour, the others random means over the image.
func (m madeUp) writeClassifier(t *testing.T, to string) {
	t.Helper()
	const dims = 64
	r := rand.New(rand.NewPCG(5, 1))
	var all []checkpoint.Tensor
	in := 3
	for i, out := range []int{24, 48, dims} {
		kernel, bias := make([]float32, 3*3*in*out), make([]float32, out)
		for c := range 3 {
			kernel[(4*in+c)*out+c] = 1 // the middle of 3x3
			if i == 0 {
				bias[c] = 1 // to 0 and more, which a ReLU passes
			}
		}
		all = append(all,
			checkpoint.FromFloat32(fmt.Sprintf("conv%d.kernel", i), []int{3, 3, in, out}, kernel),
			checkpoint.FromFloat32(fmt.Sprintf("conv%d.bias", i), []int{1, 1, 1, out}, bias))
		in = out
	}
	z, logits, bias := make([]float32, 4*4*dims*dims), make([]float32, dims*m.classes), make([]float32, m.classes)
	for place := range 4 * 4 {
		for c := range 3 {
			for feature := range dims {
				z[(place*dims+c)*dims+feature] = float32(r.NormFloat64() / 16)
			}
			for feature := range 3 {
				z[(place*dims+c)*dims+feature] = 0
			}
			z[(place*dims+c)*dims+c] = 1. / 16
		}
	}
	for class := range m.classes { // the largest of 2 c.z - c.c is that of the nearest colour
		for c, level := range colour(class) {
			logits[c*m.classes+class] = float32(2 * level / 127.5)
			bias[class] -= float32(level * level / 127.5 / 127.5)
		}
	}
	all = append(all,
		checkpoint.FromFloat32("features.weight", []int{4 * 4 * dims, dims}, z), checkpoint.FromFloat32("features.bias", []int{1, dims}, make([]float32, dims)),
		checkpoint.FromFloat32("logits.weight", []int{dims, m.classes}, logits), checkpoint.FromFloat32("logits.bias", []int{1, m.classes}, bias))
	var out bytes.Buffer
	require.NoError(t, checkpoint.EncodeTensors(&out, all, nil))
	require.NoError(t, os.WriteFile(to, out.Bytes(), 0o600))
}

// run runs a child on a job and returns its events.
func run(t *testing.T, j any, child func(jobFile string, stdout io.Writer) int) []job.Event {
	t.Helper()
	data, err := json.Marshal(j)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "job.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	var out bytes.Buffer
	code := child(file, &out)
	require.Equal(t, job.ExitOK, code, out.String())
	var events []job.Event
	for dec := json.NewDecoder(&out); dec.More(); {
		var e job.Event
		require.NoError(t, dec.Decode(&e))
		events = append(events, e)
	}
	return events
}

// A trial on CIFAR goes through the code of both children: the files are read, a small
// RGB model trains, is evaluated with a classifier of the same images, and draws a grid.
func TestTrialOnCIFAR(t *testing.T) {
	batches := []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"}
	for _, m := range []madeUp{
		{sweep.CIFAR10, "cifar-10-batches-bin", batches, []string{"batches.meta.txt", "readme.html", "test_batch.bin"}, 10, 13, false},
		{sweep.CIFAR100, "cifar-100-binary", []string{"train.bin"}, []string{"coarse_label_names.txt", "fine_label_names.txt", "test.bin"}, 100, 4, true},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Setenv(folder.CacheVariable, t.TempDir())
			files := m.files()
			dataset.PinCIFAR(t, m.name, files)
			where := m.write(t, files)
			checkImages(t, m, where)

			network := filepath.Join(t.TempDir(), "colours.safetensors")
			m.writeClassifier(t, network)
			spec, err := specfile.Parse("cifar.yaml", fmt.Appendf(nil, `
apiVersion: tailsweep/v1
name: cifar
method: grid
dataset: {name: %s, path: %q, size: 32, imbalance: {profile: exp, factor: 0.5}}
model: {preset: unet-small-32, width: 8}
train: {steps: 6, batch: 4, log_every: 3}
evaluate: {samples_per_class: %d, guidance: [0], ddim_steps: 1, features: {path: %q}}
metrics: [{name: fid.all, goal: minimize}]
parameters:
  infonce.weight: {values: [0, 0.1]}
`, m.name, where, m.perClass, network))
			require.NoError(t, err)
			trial := sweep.Assignment{Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(.1)}}
			training := job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: *spec, Assignment: trial, Attempt: 1}, Staging: t.TempDir()}, Backend: backend.Go}
			events := run(t, training, func(file string, out io.Writer) int { return trainer.RunChild(t.Context(), file, nil, out, "test") })
			last := events[len(events)-1]
			require.Equal(t, job.Done, last.Type)
			require.Equal(t, 6, last.Step)
			var saved string
			for _, e := range events {
				if e.Type == job.Checkpoint {
					saved = e.Dir
				}
				if e.Point != nil {
					require.Greater(t, e.Point.DDPM, 0.)
					require.Less(t, e.Point.DDPM, 2., "the noise has variance 1")
				}
			}

			evaluating := job.Evaluate{EvaluateJob: sweep.EvaluateJob{Task: sweep.Task{Spec: *spec, Assignment: trial}, Checkpoint: saved, Output: t.TempDir()}, Backend: backend.Go}
			events = run(t, evaluating, func(file string, out io.Writer) int { return evaluate.RunChild(t.Context(), file, nil, out) })
			result := events[len(events)-1]
			require.Equal(t, job.Result, result.Type)
			require.Equal(t, m.perClass, result.Samples)
			require.Equal(t, m.perClass, result.Real)
			for _, group := range []string{"all", "head", "medium", "tail"} {
				require.Equal(t, 1., result.Floor["label_accuracy."+group], "real images are of their labels: %s", group)
				require.Zero(t, result.Metrics["memorised_ratio."+group])
			}
			require.Less(t, result.Metrics["label_accuracy.all"], .5, "six steps teach nothing")
			require.Greater(t, result.Metrics["fid.all"], .5)
			checkGrid(t, m, result.Grid)
		})
	}
}

// checkImages checks that each image has the colour of its label.
func checkImages(t *testing.T, m madeUp, where string) {
	t.Helper()
	d := sweep.Dataset{Name: m.name, Path: where, Size: 32, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}}
	set, err := dataset.Load(d)
	require.NoError(t, err)
	require.Len(t, set.Labels, m.classes*m.perClass)
	for i, label := range set.Labels {
		var sum [3]float64
		image, err := set.Image(i)
		require.NoError(t, err)
		for k, v := range image {
			sum[k%3] += (float64(v) + 1) * 127.5 / (32 * 32)
		}
		for c, level := range colour(label) {
			require.InDelta(t, level, sum[c], 3, "image %d, class %d, channel %d", i, label, c)
		}
	}
}

// checkGrid checks that a PNG has a row of coloured images for each class.
func checkGrid(t *testing.T, m madeUp, name string) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // read only
	grid, err := png.Decode(f)
	require.NoError(t, err)
	const cell = 3*32 + 3
	require.Equal(t, m.classes*cell+3, grid.Bounds().Dy())
	require.Equal(t, 150+min(10, m.perClass)*cell+3, grid.Bounds().Dx())
	for row := range m.classes {
		colours := map[color.Color]bool{}
		for x := range 32 {
			colours[grid.At(150+3+3*x, 3+row*cell+48)] = true
		}
		require.Greater(t, len(colours), 3, "row %d: in one step of denoising pixels are at the ends of their range, but of each channel", row)
	}
}
