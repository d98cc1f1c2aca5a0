package features

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// hashed makes the numbers that hashed makes in testdata/inception.py.
func hashed(name string, n int) []float64 {
	stream := uint32(2166136261)
	for _, b := range []byte(name) {
		stream = (stream ^ uint32(b)) * 16777619
	}
	out := make([]float64, n)
	for i := range out {
		z := (uint64(stream)<<32 + uint64(i) + 1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		out[i] = float64(z>>40)/(1<<24) - 0.5
	}
	return out
}

// madeUp is a file of Inception-v3 with the weights of testdata/inception.py.
func madeUp(t *testing.T) []byte {
	t.Helper()
	var all []checkpoint.Tensor
	add := func(name string, scale, shift float64, dims ...int) {
		n := 1
		for _, d := range dims {
			n *= d
		}
		flat := make([]float32, n)
		for i, v := range hashed(name, n) {
			flat[i] = float32(scale*v + shift)
		}
		all = append(all, checkpoint.FromFloat32(name, dims, flat))
	}
	for _, c := range inceptionLayers() {
		add(c.name+".conv.weight", math.Sqrt(24/float64(c.in*c.height*c.width)), 0, c.out, c.in, c.height, c.width)
		add(c.name+".bn.weight", 0.2, 1, c.out)
		add(c.name+".bn.bias", 0.1, 0, c.out)
		add(c.name+".bn.running_mean", 0.1, 0, c.out)
		add(c.name+".bn.running_var", 0.5, 1, c.out)
	}
	all = append(all, checkpoint.FromFloat32("fc.bias", []int{2}, []float32{1, 2})) // not looked at
	var file bytes.Buffer
	require.NoError(t, checkpoint.EncodeTensors(&file, all, nil))
	return file.Bytes()
}

// TestInception compares with testdata/inception.json, made by
// testdata/inception.py: the network is pytorch-fid's, whatever the weights. XLA takes
// two seconds, backend go fifteen.
func TestInception(t *testing.T) {
	name := backend.Go
	if _, ok := backend.Installed(backend.CPU); ok && backend.HasXLA {
		name = backend.XLACPU
	} else if testing.Short() {
		t.Skip("no XLA plugin is installed")
	}
	data, err := os.ReadFile("testdata/inception.json")
	require.NoError(t, err)
	var want struct {
		Every    int
		Features []float64
		Mean     float64
	}
	require.NoError(t, json.Unmarshal(data, &want))
	b, err := backend.Open(name)
	require.NoError(t, err)
	defer b.Close()
	path := filepath.Join(t.TempDir(), "inception.safetensors")
	require.NoError(t, os.WriteFile(path, madeUp(t), 0o600))
	e, err := OpenFile(b, path, Images{Size: 32, Channels: 3}, 1)
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, 2048, e.Dims)
	require.Zero(t, e.Classes)

	out := extractMadeUp(t, e)
	require.Len(t, out.Features, 2048)
	require.Empty(t, out.Predictions)
	mean := 0.0
	for i, v := range out.Features {
		mean += float64(v) / 2048
		if i%want.Every == 0 {
			require.InDelta(t, want.Features[i/want.Every], v, 2e-4*want.Mean, "float32 through 48 layers: feature %d", i)
		}
	}
	require.InEpsilon(t, want.Mean, mean, 1e-4)
}

// extractMadeUp returns the output for the made-up image of 32x32.
func extractMadeUp(t *testing.T, e *Extractor) Output {
	t.Helper()
	const size = 32
	planes := hashed("image", 3*size*size) // `[3,S,S]`
	image := make([]float32, 0, len(planes))
	for i := range size * size {
		for c := range 3 {
			image = append(image, float32(2*planes[c*size*size+i]))
		}
	}
	out, err := e.Extract(t.Context(), dataset.InMemory(image, len(image)), nil)
	require.NoError(t, err)
	return out
}

func TestInceptionRefuses(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	var file bytes.Buffer
	require.NoError(t, checkpoint.EncodeTensors(&file, []checkpoint.Tensor{
		checkpoint.FromFloat32(inceptionFirst, []int{32, 3, 3, 3}, make([]float32, 32*27)),
	}, nil))
	_, err = newExtractor(b, file.Bytes(), Images{Size: 28, Channels: 1}, 2)
	require.ErrorContains(t, err, "RGB images of at least 32 pixels; these have 28 pixels and 1 channels")
	_, err = newExtractor(b, file.Bytes(), Images{Size: 32, Channels: 3}, 2)
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	require.True(t, strings.Contains(err.Error(), "no tensor Conv2d_1a_3x3.bn.weight [32]"), err)
	_, err = OpenFile(b, t.TempDir(), Images{Size: 32, Channels: 3}, 2)
	require.ErrorContains(t, err, "is not a regular file")
	path := filepath.Join(t.TempDir(), "half.safetensors")
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	_, err = OpenFile(b, path, Images{Size: 32, Channels: 3}, 2)
	_, looked := Inspect(path, Images{Size: 32, Channels: 3})
	require.EqualError(t, looked, err.Error(), "the same error, without a backend")
}

// A set with other classes, channels and size has a classifier of its own.
func TestClassifierOfAnotherSet(t *testing.T) {
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	set := tenOfEach(t)
	set.Classes = append(set.Classes, "nothing")
	set.Counts = append(set.Counts, 0)
	file, err := fit(t.Context(), b, set, ownSeed, 1, nil)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "c.safetensors")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	e, err := OpenFile(b, path, Images{Size: 16, Channels: 1}, 10)
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, 11, e.Classes)
	looked, err := Inspect(path, Images{Size: 16, Channels: 1})
	require.NoError(t, err)
	require.Equal(t, e.Network, looked)
	_, err = OpenFile(b, path, Images{Size: 16, Channels: 3}, 10)
	require.ErrorContains(t, err, "images with 1 channels; these have 3")
	_, err = OpenFile(b, path, Images{Size: 20, Channels: 1}, 10)
	require.ErrorContains(t, err, "no classifier takes images of 20 pixels")
	wide, err := OpenFile(b, path, Images{Size: 64, Channels: 1}, 1)
	require.NoError(t, err)
	defer wide.Close()
	out, err := wide.Extract(t.Context(), dataset.InMemory(make([]float32, 64*64), 64*64), nil)
	require.NoError(t, err)
	require.Len(t, out.Features, Dims)
}

// A small set is trained on for long enough, the built-in weights as ever.
func TestStepsOf(t *testing.T) {
	require.Equal(t, 5625, stepsOf(60000, DefaultEpochs))
	require.Equal(t, 400, stepsOf(540, DefaultEpochs))
	require.Equal(t, 421, stepsOf(540, 100))
}
