package nets

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

var testModels = map[string]sweep.Model{
	"unet": {Arch: sweep.ArchUNet, Width: 8, Depth: 2, Mult: []int{1, 2, 2}},
	"dit":  {Arch: sweep.ArchDiT, Width: 16, Depth: 5, Patch: 4, Heads: 2},
}

func testNet(t *testing.T, m sweep.Model, size int, native bool) Net {
	t.Helper()
	n, err := New(Config{Model: m, Size: size, Channels: 1, Classes: 10, Seed: 3, NativeConvolution: native})
	require.NoError(t, err)
	return n
}

// pass is the prediction, and the default latent flattened by image.
func pass(n Net, scope *model.Scope, x, steps, label *Node) []*Node {
	out := n.Forward(scope, Input{X: x, T: steps, Label: label})
	layer := sweep.LayerBottleneck
	if _, is := n.(dit); is {
		layer = sweep.LayerQuarter
	}
	return []*Node{out.Prediction, out.Latent(layer)}
}

// forward runs a net on 3 images of labels 0, 9 and null at steps 0, 500 and 999.
func forward(t *testing.T, b compute.Backend, store *model.Store, n Net, size int) (eps, h *tensors.Tensor) {
	t.Helper()
	exec, err := model.NewExec(b, store, func(scope *model.Scope, x, steps, label *Node) []*Node {
		return pass(n, scope, x, steps, label)
	})
	require.NoError(t, err)
	defer exec.Finalize()
	x := tensors.FromFlatDataAndDimensions(normals(5, 3*size*size), 3, size, size, 1)
	out, err := exec.Call(x, []int32{0, 500, 999}, []int32{0, 9, 10})
	require.NoError(t, err)
	return out[0], out[1]
}

// shake makes the weights that begin at zero something else, so that everything
// reaches the output.
func shake(t *testing.T, store *model.Store) {
	t.Helper()
	for v := range store.IterVariables() {
		value := flat(t, v.MustValue())
		for i, d := range normals(uint64(len(value)), len(value)) {
			value[i] += 0.1 * d
		}
		require.NoError(t, v.SetValue(tensors.FromFlatDataAndDimensions(value, v.Shape().Dimensions...)))
	}
}

func TestForward(t *testing.T) {
	for name, m := range testModels {
		for _, size := range []int{28, 16} {
			b, store := goBackend(t), model.NewStore()
			n := testNet(t, m, size, false)
			eps, h := forward(t, b, store, n, size)
			require.Equal(t, []int{3, size, size, 1}, eps.Shape().Dimensions)
			latent := size / 4 * size / 4 * 2 * m.Width // the bottleneck has 2W channels
			if m.Arch == sweep.ArchDiT {
				latent = size / m.Patch * size / m.Patch * m.Width
			}
			require.Equal(t, []int{3, latent}, h.Shape().Dimensions, "%s at %d", name, size)
			for _, v := range flat(t, eps) {
				require.Zero(t, v, "a new net predicts no noise")
			}
			for v := range store.IterVariables() {
				require.True(t, v.Trainable)
			}

			shake(t, store)
			count := store.NumVariables()
			eps, h = forward(t, b, store, n, size)
			require.Equal(t, count, store.NumVariables(), "weights are shared between graphs")
			for _, out := range []*tensors.Tensor{eps, h} {
				for _, v := range flat(t, out) {
					require.False(t, math.IsNaN(float64(v)))
				}
			}
		}
	}
}

// Everything that a net is given matters to what it predicts, and images of a
// batch do not see each other.
func TestForwardDependsOnItsInputs(t *testing.T) {
	for name, m := range testModels {
		t.Run(name, func(t *testing.T) {
			b, store := goBackend(t), model.NewStore()
			n := testNet(t, m, 16, false)
			forward(t, b, store, n, 16)
			shake(t, store)
			exec, err := model.NewExec(b, store, func(scope *model.Scope, x, steps, label *Node) []*Node {
				return pass(n, scope, x, steps, label)
			})
			require.NoError(t, err)
			defer exec.Finalize()
			run := func(x []float32, steps, label []int32) (eps, h []float32) {
				out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 2, 16, 16, 1), steps, label)
				require.NoError(t, err)
				return flat(t, out[0])[:256], flat(t, out[1])[:out[1].Size()/2]
			}
			x := normals(5, 512)
			eps, h := run(x, []int32{500, 500}, []int32{1, 1})
			changed := normals(5, 512)
			changed[0]++
			for what, differs := range map[string]struct {
				x            []float32
				steps, label []int32
				want         bool
			}{
				"image":           {changed, []int32{500, 500}, []int32{1, 1}, true},
				"step":            {x, []int32{501, 500}, []int32{1, 1}, true},
				"label":           {x, []int32{500, 500}, []int32{10, 1}, true},
				"the other image": {append(x[:256:256], changed[:256]...), []int32{500, 3}, []int32{1, 10}, false},
			} {
				eps2, h2 := run(differs.x, differs.steps, differs.label)
				if differs.want {
					require.NotEqual(t, eps, eps2, what)
					require.NotEqual(t, h, h2, what)
				} else {
					require.InDeltaSlice(t, widen(eps), widen(eps2), 1e-5, what)
				}
			}
		})
	}
}

func widen(v []float32) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = float64(v[i])
	}
	return out
}

// A pass that a graph calls twice uses the same weights.
func TestForwardTwiceInAGraph(t *testing.T) {
	for name, m := range testModels {
		store, n := model.NewStore(), testNet(t, m, 16, false)
		exec, err := model.NewExec(goBackend(t), store, func(scope *model.Scope, x, steps, label *Node) []*Node {
			return []*Node{pass(n, scope, x, steps, label)[1], pass(n, scope, x, steps, label)[1]}
		})
		require.NoError(t, err)
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(normals(5, 256), 1, 16, 16, 1), []int32{7}, []int32{1})
		require.NoError(t, err)
		require.Equal(t, flat(t, out[0]), flat(t, out[1]), name)
		exec.Finalize()
	}
}

func TestInitialWeightsAreAFunctionOfSeedAndPath(t *testing.T) {
	a := flat(t, lecun(100).tensor(1, "/a", []int{50, 100}))
	require.Equal(t, a, flat(t, lecun(100).tensor(1, "/a", []int{50, 100})))
	require.NotEqual(t, a, flat(t, lecun(100).tensor(2, "/a", []int{50, 100})))
	require.NotEqual(t, a, flat(t, lecun(100).tensor(1, "/b", []int{50, 100})))
	var square float64
	for _, v := range a {
		square += float64(v) * float64(v) / 5000
	}
	require.InDelta(t, 0.01, square, 0.001) // five standard errors
	require.Equal(t, []float32{1, 1}, flat(t, ones.tensor(1, "/a", []int{2})))
	require.Equal(t, []float32{0, 0}, flat(t, zeros.tensor(1, "/a", []int{2})))
}

// Go and XLA compute the same net from the same seed, up to rounding.
func TestBackendsAgree(t *testing.T) {
	xla := xlaBackend(t)
	for name, m := range testModels {
		m.Depth = 1 // XLA compiles longer than it runs
		a, b := model.NewStore(), model.NewStore()
		n, native := testNet(t, m, 16, false), testNet(t, m, 16, true)
		forward(t, goBackend(t), a, n, 16)
		forward(t, xla, b, native, 16)
		shake(t, a)
		shake(t, b)
		eps1, h1 := forward(t, goBackend(t), a, n, 16)
		eps2, h2 := forward(t, xla, b, native, 16)
		require.InDeltaSlice(t, widen(flat(t, h1)), widen(flat(t, h2)), 1e-3, name)
		require.InDeltaSlice(t, widen(flat(t, eps1)), widen(flat(t, eps2)), 1e-3, name)
	}
}

// The numbers pin the architectures, since a checkpoint of one version must mean
// the same in the next. They are this code's own, on the go backend.
func TestArchitecturesArePinned(t *testing.T) {
	for name, want := range map[string][]float64{
		"unet": {-0.8476604, -0.11491095, 1.2992086, -0.071094036},
		"dit":  {0.4108243, -0.26408535, 1.3074844, 1.6177468},
	} {
		b, store := goBackend(t), model.NewStore()
		n := testNet(t, testModels[name], 16, false)
		forward(t, b, store, n, 16)
		shake(t, store)
		eps, h := forward(t, b, store, n, 16)
		e, l := flat(t, eps), flat(t, h)
		require.InDeltaSlice(t, want, widen([]float32{e[0], e[767], l[0], l[len(l)-1]}), 1e-4, name)
	}
}

func TestNewRefuses(t *testing.T) {
	unet := sweep.Model{Arch: sweep.ArchUNet, Width: 8, Depth: 1, Mult: []int{1, 2, 2}}
	with := func(change func(m *sweep.Model)) sweep.Model {
		m := unet
		change(&m)
		return m
	}
	for want, cfg := range map[string]Config{
		`model.arch = "mlp" is unknown: want unet or dit`:                    {Model: sweep.Model{Arch: "mlp", Width: 8, Depth: 1}, Size: 16, Channels: 1, Classes: 2},
		"dataset.size = 18 is not a multiple of 4":                           {Model: unet, Size: 18, Channels: 1, Classes: 2},
		"halves the image 3 times: dataset.size = 28 is not a multiple of 8": {Model: with(func(m *sweep.Model) { m.Mult = []int{1, 2, 2, 2} }), Size: 28, Channels: 1, Classes: 2},
		"model.mult = [1 9] must be 1 to 4 numbers of 1 to 8":                {Model: with(func(m *sweep.Model) { m.Mult = []int{1, 9} }), Size: 28, Channels: 1, Classes: 2},
		"model.attention = [3] has 3, which is not a level of 3":             {Model: with(func(m *sweep.Model) { m.Attention = []int{3} }), Size: 28, Channels: 1, Classes: 2},
		"model.dropout = 1 must be in [0, 1)":                                {Model: with(func(m *sweep.Model) { m.Dropout = 1 }), Size: 28, Channels: 1, Classes: 2},
		"model.width = 0 must be 1 to 1024":                                  {Model: sweep.Model{Arch: sweep.ArchUNet, Depth: 1, Mult: []int{1, 2, 2}}, Size: 16, Channels: 1, Classes: 2},
		"model.patch = 3 does not divide dataset.size = 16":                  {Model: sweep.Model{Arch: sweep.ArchDiT, Width: 8, Depth: 1, Patch: 3, Heads: 1}, Size: 16, Channels: 1, Classes: 2},
		"model.heads = 3 does not divide model.width = 8":                    {Model: sweep.Model{Arch: sweep.ArchDiT, Width: 8, Depth: 1, Patch: 4, Heads: 3}, Size: 16, Channels: 1, Classes: 2},
		"model.width = 6 must be a multiple of 4 for dit":                    {Model: sweep.Model{Arch: sweep.ArchDiT, Width: 6, Depth: 1, Patch: 4, Heads: 1}, Size: 16, Channels: 1, Classes: 2},
		"a net needs at least 1 class, not 0":                                {Model: unet, Size: 16, Channels: 1},
		"a net of 2 channels: want 1 or 3":                                   {Model: unet, Size: 16, Channels: 2, Classes: 2},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestGroups(t *testing.T) {
	for channels, groups := range map[int]int{8: 2, 16: 4, 24: 6, 32: 8, 64: 8, 7: 1, 4: 1} {
		require.Equal(t, groups, groupsOf(channels), channels)
	}
}
