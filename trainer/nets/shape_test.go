package nets

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// runNet runs a net of 3-channel 16x16 images on two images after its weights are
// shaken, with masks from state when it is not nil; it returns the prediction and
// every latent of the model, in the order of Layers.
func runNet(t *testing.T, m sweep.Model, x []float32, state []uint64) []*tensors.Tensor {
	t.Helper()
	n, err := New(Config{Model: m, Size: 16, Channels: 3, Classes: 10, Seed: 3})
	require.NoError(t, err)
	store, b := model.NewStore(), goBackend(t)
	for shaken := range 2 { // the first makes the variables
		exec, err := model.NewExec(b, store, func(scope *model.Scope, in []*Node) []*Node {
			input := Input{X: in[0], T: in[1], Label: in[2]}
			if state != nil {
				input.Masks = NewMasks(in[3])
			}
			out := n.Forward(scope, input)
			nodes := []*Node{out.Prediction}
			for _, layer := range m.Layers() {
				nodes = append(nodes, out.Latent(layer))
			}
			return nodes
		})
		require.NoError(t, err)
		inputs := []any{tensors.FromFlatDataAndDimensions(x, 2, 16, 16, 3), []int32{10, 900}, []int32{0, 10}}
		if state != nil {
			inputs = append(inputs, state)
		}
		out, err := exec.Call(inputs...)
		require.NoError(t, err)
		exec.Finalize()
		if shaken == 1 {
			return out
		}
		shake(t, store)
	}
	panic("unreachable")
}

func TestColourAndLatents(t *testing.T) {
	x := normals(5, 2*16*16*3)
	for name, c := range map[string]struct {
		m       sweep.Model
		latents [][2]int // positions and channels, in the order of Layers
	}{
		"unet": {
			sweep.Model{Arch: sweep.ArchUNet, Width: 4, Depth: 1, Mult: []int{1, 2, 3}, Attention: []int{1}},
			[][2]int{{16, 12}, {256, 4}, {64, 8}, {16, 12}, {256, 4}, {64, 8}, {16, 12}},
		},
		"dit": {sweep.Model{Arch: sweep.ArchDiT, Width: 8, Depth: 4, Patch: 8, Heads: 2}, [][2]int{{4, 8}, {4, 8}}},
	} {
		out := runNet(t, c.m, x, nil)
		require.Equal(t, []int{2, 16, 16, 3}, out[0].Shape().Dimensions, name)
		for i, layer := range c.m.Layers() {
			require.Equal(t, []int{2, c.latents[i][0] * c.latents[i][1]}, out[i+1].Shape().Dimensions, "%s %s", name, layer)
			for j := range i {
				require.NotEqual(t, flat(t, out[i+1]), flat(t, out[j+1]), "%s: %s is another than %s", name, layer, c.m.Layers()[j])
			}
		}
		for channel := range 3 { // each is read, and each is written
			changed := append([]float32{}, x...)
			changed[channel]++
			after := flat(t, runNet(t, c.m, changed, nil)[0])
			for written := range 3 {
				require.NotEqual(t, flat(t, out[0])[written], after[written], "%s: channel %d to %d", name, channel, written)
			}
		}
	}
}

func TestPooledIsTheMeanOverPositions(t *testing.T) {
	exec, err := NewExec(goBackend(t), func(h *Node) []*Node {
		out := NewOutput(nil, map[string]*Node{"a": h})
		return []*Node{out.Latent("a"), out.Pooled("a")}
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call([][][]float32{{{1, 10}, {2, 20}, {6, 60}}})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 10, 2, 20, 6, 60}, flat(t, out[0]))
	require.Equal(t, []float32{3, 30}, flat(t, out[1]))
}

func TestUnknownLatentPanics(t *testing.T) {
	require.Panics(t, func() { NewOutput(nil, nil).Latent("attic") })
}

// Attention at a level lets far pixels of that level see each other.
func TestLevelAttentionHasVariables(t *testing.T) {
	count := func(attention []int) (n int) {
		store := model.NewStore()
		net, err := New(Config{Model: sweep.Model{Arch: sweep.ArchUNet, Width: 8, Depth: 2, Mult: []int{1, 2, 2}, Attention: attention}, Size: 16, Channels: 1, Classes: 10})
		require.NoError(t, err)
		forward(t, goBackend(t), store, net, 16)
		return store.NumVariables()
	}
	const perBlock = 6 // norm, qkv and out, two each
	require.Equal(t, 4*perBlock, count([]int{1})-count(nil), "two blocks down, two up")
}

func TestDropoutIsAFunctionOfItsState(t *testing.T) {
	x := normals(5, 2*16*16*3)
	m := sweep.Model{Arch: sweep.ArchUNet, Width: 4, Depth: 1, Mult: []int{1, 2}, Dropout: 0.3}
	a := flat(t, runNet(t, m, x, []uint64{1, 2, 3})[0])
	require.Equal(t, a, flat(t, runNet(t, m, x, []uint64{1, 2, 3})[0]))
	require.NotEqual(t, a, flat(t, runNet(t, m, x, []uint64{4, 5, 6})[0]))
	require.NotEqual(t, a, flat(t, runNet(t, m, x, nil)[0]), "none outside training")
	m.Dropout = 0
	require.Equal(t, flat(t, runNet(t, m, x, nil)[0]), flat(t, runNet(t, m, x, []uint64{1, 2, 3})[0]))
}

func TestMasksKeepTheMean(t *testing.T) {
	exec, err := NewExec(goBackend(t), func(state *Node) []*Node {
		m := NewMasks(state)
		one := Ones(state.Graph(), shapes.Make(dtypes.Float32, 1, 40000))
		return []*Node{m.dropout(one, 0.25), m.dropout(one, 0.25)}
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call([]uint64{7, 8, 9})
	require.NoError(t, err)
	first := flat(t, out[0])
	var mean float64
	for _, v := range first {
		require.True(t, v == 0 || v > 1.33 && v < 1.34)
		mean += float64(v) / 40000
	}
	require.InDelta(t, 1, mean, 0.015) // five standard errors
	require.NotEqual(t, first, flat(t, out[1]), "each mask is another")
}
