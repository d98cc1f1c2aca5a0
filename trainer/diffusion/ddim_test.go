package diffusion

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"
)

// fixture is testdata/ddim.json, made by testdata/ddim.py.
type fixture struct {
	AlphaBar map[int]float64 `json:"abar"`
	Noise    [][]float32     `json:"noise"`
	Cases    []struct {
		W     float64     `json:"w"`
		Steps int         `json:"steps"`
		Out   [][]float64 `json:"out"`
	} `json:"cases"`
}

func readFixture(t *testing.T) fixture {
	t.Helper()
	data, err := os.ReadFile("testdata/ddim.json")
	require.NoError(t, err)
	var f fixture
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

// formulaNet is a fake: the denoiser of testdata/ddim.py.
type formulaNet struct{}

func (formulaNet) Forward(_ *model.Scope, x, t, label *Node) (eps, h *Node) {
	b := x.Shape().Dim(0)
	l := Reshape(ConvertDType(label, dtypes.Float32), b, 1, 1, 1)
	wave := Sin(DivScalar(Reshape(ConvertDType(t, dtypes.Float32), b, 1, 1, 1), 50))
	return Sub(Add(Mul(AddScalar(MulScalar(l, 0.1), 0.6), x), MulScalar(wave, 0.2)), MulScalar(l, 0.05)), nil
}

func TestDDIMEqualsNumpy(t *testing.T) {
	f := readFixture(t)
	s, err := NewSampler(testBackend(t), model.NewStore(), formulaNet{}, 4, 3, 3)
	require.NoError(t, err)
	defer s.Close()
	var noise []float32
	for _, n := range f.Noise {
		noise = append(noise, n...)
	}
	for _, c := range f.Cases {
		got, err := s.denoise(t.Context(), tensors.FromFlatDataAndDimensions(noise, 3, 4, 4, 1), []int32{0, 1, 2}, c.W, c.Steps)
		require.NoError(t, err)
		for class := range c.Out {
			// float32 against float64 over up to 50 steps.
			require.InDeltaSlice(t, c.Out[class], widen(got[16*class:16*class+16]), 2e-4, "w %v steps %d class %d", c.W, c.Steps, class)
		}
	}
}

func TestSampleDoesNotDependOnTheBatch(t *testing.T) {
	pictures := []Picture{{2, 0}, {0, 5}, {1, 1}, {2, 1}, {0, 0}}
	b := testBackend(t)
	var want []float32
	for _, batch := range []int{5, 1, 2, 8} {
		s, err := NewSampler(b, model.NewStore(), formulaNet{}, 4, 3, batch)
		require.NoError(t, err)
		s.Seed = 11
		var heard []int
		got, err := s.Sample(t.Context(), pictures, 1.5, 6, func(done int) error { heard = append(heard, done); return nil })
		require.NoError(t, err)
		s.Close()
		require.Equal(t, len(pictures), heard[len(heard)-1])
		require.Len(t, got, 5*16)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got, "batch %d", batch)
	}
	s, err := NewSampler(b, model.NewStore(), formulaNet{}, 4, 3, 2)
	require.NoError(t, err)
	defer s.Close()
	s.Seed = 11
	one, err := s.Sample(t.Context(), pictures[2:3], 1.5, 6, nil)
	require.NoError(t, err)
	require.Equal(t, want[2*16:3*16], one, "a picture is drawn the same alone")
}

func TestSampleRefuses(t *testing.T) {
	s, err := NewSampler(testBackend(t), model.NewStore(), formulaNet{}, 4, 3, 2)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Sample(t.Context(), []Picture{{3, 0}}, 1, 5, nil)
	require.ErrorContains(t, err, "class 3 is not in 0..2")
	_, err = s.Sample(t.Context(), []Picture{{0, 0}}, 1, 1001, nil)
	require.ErrorContains(t, err, "1..1000")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Sample(ctx, []Picture{{0, 0}}, 1, 5, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTimesteps(t *testing.T) {
	require.Equal(t, []int{999}, Timesteps(1))
	require.Equal(t, []int{999, 749, 499, 249}, Timesteps(4))
	fifty := Timesteps(50)
	require.Equal(t, 999, fifty[0])
	require.Equal(t, 19, fifty[49])
	all := Timesteps(Steps)
	for k := range all {
		require.Equal(t, Steps-1-k, all[k])
	}
	for count := 1; count <= Steps; count++ {
		steps := Timesteps(count)
		for k := 1; k < len(steps); k++ {
			require.Less(t, steps[k], steps[k-1])
		}
		require.GreaterOrEqual(t, steps[count-1], 0)
	}
}
