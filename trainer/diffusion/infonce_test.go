package diffusion

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// equicosine are b vectors whose pairwise cosine is c: a shared component and one
// of their own. They are scaled by 3 to see the normalisation.
func equicosine(b int, c float64) [][]float32 {
	h := make([][]float32, b)
	for i := range h {
		h[i] = make([]float32, b+1)
		h[i][0] = float32(3 * math.Sqrt(c))
		h[i][i+1] = float32(3 * math.Sqrt(1-c))
	}
	return h
}

// l = log(1 + 127 exp((c-1)/tau)), worked out apart, B = 128.
func TestInfoNCECheckValues(t *testing.T) {
	for _, c := range []struct{ tau, cosine, want float64 }{
		{.1, 1, 4.852030}, {.1, .9, 3.865365}, {.1, .5, .618272}, {.1, 0, .005749},
		{.2, .5, 2.435786}, {.2, 0, .618272},
		{.5, .5, 3.865365}, {.5, 0, 2.900739},
		{1, .5, 4.357086}, {1, 0, 3.865365},
	} {
		got := flat(t, eval(t, func(in []*Node) []*Node {
			return []*Node{infoNCETerms(in[0], nil, InfoNCEConfig{Temperature: c.tau})}
		}, equicosine(128, c.cosine))[0])
		for _, l := range got {
			// float32: an error of 1e-6 in a cosine is 1e-5 at tau = .1.
			require.InDelta(t, c.want, l, 5e-5, "%+v", c)
		}
	}
}

// The definition, by hand in float64, with weights that depend on t.
func TestInfoNCEIsItsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const b, d = 6, 5
	h := make([][]float32, b)
	for i := range h {
		h[i] = make([]float32, d)
		Normals(r, h[i])
	}
	steps := []int32{0, 100, 400, 500, 800, 999}
	cfg := InfoNCEConfig{Temperature: 0.3, Exponent: 2, Window: 0.4}

	cosine := func(x, y []float32) float64 {
		var xy, xx, yy float64
		for k := range x {
			xy += float64(x[k]) * float64(y[k])
			xx += float64(x[k]) * float64(x[k])
			yy += float64(y[k]) * float64(y[k])
		}
		return xy / math.Sqrt(xx*yy)
	}
	var want float64
	for i := range b {
		positive := math.Exp(1 / cfg.Temperature)
		all := positive
		for j := range b {
			if j != i {
				all += math.Exp(cosine(h[i], h[j]) / cfg.Temperature)
			}
		}
		if level := float64(steps[i]) / 1000; level >= cfg.Window {
			want += level * level * -math.Log(positive/all) / b
		}
	}
	got := flat(t, eval(t, func(in []*Node) []*Node { return []*Node{InfoNCE(in[0], in[1], nil, cfg)} }, h, steps)[0])
	require.InEpsilon(t, want, got[0], 1e-5)
}

// With two samples of equal weight each is the other's only negative, so half of
// a latent's gradient comes from being one.
func TestInfoNCEStopGradient(t *testing.T) {
	h := [][]float32{{1, 2, 0}, {2, 1, 1}}
	gradient := func(stop string) []float32 {
		cfg := InfoNCEConfig{Temperature: 0.5, StopGradient: stop}
		return flat(t, eval(t, func(in []*Node) []*Node {
			return Gradient(InfoNCE(in[0], in[1], nil, cfg), in[0])
		}, h, []int32{500, 500})[0])
	}
	both, anchor := gradient(sweep.StopNone), gradient(sweep.StopNegatives)
	for i := range both {
		require.InDelta(t, both[i], 2*anchor[i], 1e-6)
	}
	require.NotZero(t, both[0])
}

func TestInfoNCEGradientIsFiniteDifference(t *testing.T) {
	requireSlope(t, [][]float32{{1, 2, 0}, {2, 1, 1}, {-1, 0.5, 2}}, 5e-4, func(h *Node) *Node {
		return InfoNCE(h, Const(h.Graph(), []int32{300, 600, 900}), nil, InfoNCEConfig{Temperature: 0.5, Exponent: 1})
	})
}

// With negatives of other classes only, a sample of one class sees the other classes,
// and itself never.
func TestInfoNCENegatives(t *testing.T) {
	h := equicosine(5, 0.5)
	labels := []int32{0, 0, 0, 1, 2}
	got := flat(t, eval(t, func(in []*Node) []*Node {
		return []*Node{infoNCETerms(in[0], in[1], InfoNCEConfig{Temperature: 0.5, Negatives: sweep.NegativesOtherClass})}
	}, h, labels)[0])
	for i, others := range []float64{2, 2, 2, 4, 4} {
		require.InDelta(t, math.Log1p(others*math.Exp(-0.5/0.5)), got[i], 1e-5)
	}
}
