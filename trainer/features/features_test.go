package features

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// TestFrozenWeightsBelongToTheNet measures both classifiers on every tenth test
// image: weights of another architecture, or of another preprocessing, fall far
// below. The README of weights/ has the accuracy on all.
func TestFrozenWeightsBelongToTheNet(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	readme, err := frozen.ReadFile("weights/README.md")
	require.NoError(t, err)
	for size, accuracy := range map[int]float64{16: 0.9018, 28: 0.9226} {
		set, err := dataset.Load(sweep.Dataset{Name: sweep.FashionMNIST10k, Size: size, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}})
		require.NoError(t, err)
		part := every(set, 10)
		images, labels := part.Images, part.Labels
		e, err := Open(b, size, 50)
		require.NoError(t, err)
		require.Contains(t, string(readme), e.Digest)
		out, err := e.Extract(t.Context(), images, nil)
		e.Close()
		require.NoError(t, err)
		require.Len(t, out.Features, len(labels)*Dims)
		right := 0
		for i, p := range out.Predictions {
			if p == labels[i] {
				right++
			}
		}
		// Three standard deviations of a share of 1,000.
		require.InDelta(t, accuracy, float64(right)/float64(len(labels)), 0.03)
	}
}

func TestBuiltIn(t *testing.T) {
	require.True(t, BuiltIn("3de04e2e2b646252a1d66fed309c4615f1952eecdabb84d3d99251dcee3bdba6"), "as weights/README.md has it")
	require.False(t, BuiltIn(""))
}

func TestOnlyTheTwoSizesHaveAClassifier(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	_, err = Open(b, 32, 10)
	require.ErrorContains(t, err, "valid: 28, 16")
}

// A batch is padded; the other images of the batch, and the place in it, must not matter.
func TestExtractDoesNotDependOnTheBatch(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	images := tenOfEach(t).Images
	extract := func(batch int) Output {
		e, err := Open(b, 16, batch)
		require.NoError(t, err)
		defer e.Close()
		out, err := e.Extract(t.Context(), images, nil)
		require.NoError(t, err)
		return out
	}
	one, many := extract(7), extract(128) // 100 = 14 x 7 + 2
	require.Equal(t, one.Predictions, many.Predictions)
	require.InDeltaSlice(t, one.Features, many.Features, 1e-4, "float32 sums in another order")

	e, err := Open(b, 16, 8)
	require.NoError(t, err)
	defer e.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Extract(ended, images, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestBackendsAgree(t *testing.T) {
	if _, ok := backend.Installed(backend.CPU); !ok || !backend.HasXLA {
		t.Skip("no XLA plugin is installed")
	}
	images := tenOfEach(t).Images
	var outs []Output
	for _, name := range []string{backend.Go, backend.XLACPU} {
		b, err := backend.Open(name)
		require.NoError(t, err)
		defer b.Close()
		e, err := Open(b, 16, 50)
		require.NoError(t, err)
		defer e.Close()
		out, err := e.Extract(t.Context(), images, nil)
		require.NoError(t, err)
		outs = append(outs, out)
	}
	require.Equal(t, outs[0].Predictions, outs[1].Predictions)
	require.InDeltaSlice(t, outs[0].Features, outs[1].Features, 1e-3, "shifted products against a native convolution, float32")
}

// TestFit trains for a moment: the loss has to teach something, and the same
// thing each time.
func TestFit(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	set := tenOfEach(t)
	fitFor := func(steps int) (accuracy float64, digest string) {
		file, err := fit(t.Context(), b, set, ownSeed, steps, nil)
		require.NoError(t, err)
		predictions, digest, err := measure(t.Context(), b, file, set)
		require.NoError(t, err)
		for i, p := range predictions {
			if p == set.Labels[i] {
				accuracy += 1 / float64(set.Len())
			}
		}
		return accuracy, digest
	}
	start, untrained := fitFor(0)
	require.Less(t, start, 0.3)
	end, _ := fitFor(10)
	require.Greater(t, end, 0.5, "on the very images it saw")
	_, once := fitFor(1)
	_, again := fitFor(1)
	require.Equal(t, once, again)
	require.NotEqual(t, untrained, once)
}

// A classifier is not trained on the images that it, or a metric, is tested on.
func TestTestImages(t *testing.T) {
	set := func(classes int, images map[int][]float32) *dataset.Set {
		s := &dataset.Set{Size: 1, Channels: 1, About: dataset.About{Classes: make([]string, classes), Counts: make([]int, classes)}}
		var values []float32
		for class := range classes {
			for _, v := range images[class] {
				values, s.Labels = append(values, v), append(s.Labels, class)
				s.Counts[class]++
			}
		}
		s.Images = dataset.InMemory(values, 1)
		return s
	}
	count := func(from, n int) (values []float32) {
		for i := range n {
			values = append(values, float32(from+i))
		}
		return values
	}
	training := map[int][]float32{
		0: count(0, 20),          // has held-out images
		1: count(100, 20),        // has none
		2: count(200, 3),         // has none, and few images
		3: count(300, 1),         // has one image
		4: {400, 401, 402, 400},  // the last is a copy of the first
		5: {500, 501, 500.5, 25}, // the last is held out in class 0, by its pixels
	}
	real := map[int][]float32{0: append(count(0, 30), 25.5), 1: count(100, 20), 2: count(200, 3), 3: count(300, 1), 4: training[4], 5: training[5]}
	train, test, err := testImages(set(6, training), set(6, real))
	require.NoError(t, err)
	values := func(s *dataset.Set) (values []float32) {
		for i := range s.Len() {
			image, err := s.Image(i)
			require.NoError(t, err)
			values = append(values, image...)
		}
		return values
	}
	require.Equal(t, []float32{20, 21, 22, 23, 24, 26, 27, 28, 29, 25.5, 109, 119, 202, 25}, values(test))
	require.Equal(t, []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 5}, test.Labels)
	require.Equal(t, []int{10, 2, 1, 0, 0, 1}, test.Counts)
	require.Equal(t, []int{20, 18, 2, 1, 3, 3}, train.Counts)
	for _, image := range values(test) {
		require.NotContains(t, values(train), image)
	}
}

// An interrupted training leaves the file as it was.
func TestTrainThatIsInterrupted(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "f.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	last := 0
	_, err = Train(ctx, TrainOptions{
		Backend: b, Epochs: 1, Output: path,
		Dataset: sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}},
		Progress: func(step, steps int, loss float64) {
			require.Equal(t, leastSteps, steps)
			require.Positive(t, loss)
			if last = step; step == 2 {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 2, last)
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(left))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// The training and the real images are those of one folder: what it has besides is logged once.
func TestTrainLogsWhatIsLeftOutOnce(t *testing.T) {
	t.Setenv("TAILSWEEP_CACHE_DIR", t.TempDir())
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	dir := t.TempDir()
	for _, name := range []string{"ant/0.png", "ant/1.png", "bee/0.png", "bee/1.png"} {
		var data bytes.Buffer
		img := image.NewGray(image.Rect(0, 0, 8, 8))
		img.Pix[0] = byte(len(name) * int(name[4]))
		require.NoError(t, png.Encode(&data, img))
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data.Bytes(), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "readme"), nil, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	var lines []string
	_, err = Train(ctx, TrainOptions{
		Backend: b, Output: filepath.Join(t.TempDir(), "f"),
		Dataset:  sweep.Dataset{Name: sweep.ImageFolder, Path: dir, FolderChannels: 1, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}},
		Loader:   dataset.Loader{Log: func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }},
		Progress: func(int, int, float64) { cancel() },
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{dir + ": left out 1: not an image (readme)"}, lines)
}

func TestForeignWeightsAreRefused(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	var file bytes.Buffer
	require.NoError(t, checkpoint.EncodeTensors(&file, []checkpoint.Tensor{checkpoint.FromFloat32("logits.bias", []int{1, 10}, make([]float32, 10))}, nil))
	_, err = newExtractor(b, file.Bytes(), Images{16, 1}, 10)
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	require.ErrorContains(t, err, "conv0.kernel")

	good, err := frozen.ReadFile("weights/fashion-mnist-16.safetensors")
	require.NoError(t, err)
	tensors, _, err := checkpoint.DecodeTensors(good)
	require.NoError(t, err)
	recognised := func(tensors []checkpoint.Tensor) error {
		var file bytes.Buffer
		require.NoError(t, checkpoint.EncodeTensors(&file, tensors, nil))
		_, _, err := recognise(file.Bytes(), Images{16, 1})
		return err
	}
	require.NoError(t, recognised(tensors))
	more := append(slices.Clone(tensors), checkpoint.FromFloat32("more", []int{1}, []float32{1}))
	require.ErrorContains(t, recognised(more), fmt.Sprintf("%d tensors, and a classifier has %d", len(more), len(tensors)))
	tensors[0].DType = "I32"
	require.ErrorContains(t, recognised(tensors), "of F32")
}

// tenOfEach is 100 test images, ten a class.
func tenOfEach(t *testing.T) *dataset.Set {
	t.Helper()
	all, err := dataset.Load(sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}})
	require.NoError(t, err)
	return every(all, 100)
}

// every returns the images 0, n, 2n, ...
func every(s *dataset.Set, n int) *dataset.Set {
	chosen := make([]bool, s.Len())
	for i := 0; i < len(chosen); i += n {
		chosen[i] = true
	}
	return s.Where(chosen)
}
