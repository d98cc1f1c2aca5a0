package diffusion

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

func coral(t *testing.T, z [][]float32, steps, label []int32, kept []float32, cfg CORALConfig) float64 {
	t.Helper()
	return float64(flat(t, eval(t, func(in []*Node) []*Node {
		return []*Node{CORAL(in[0], in[1], in[2], in[3], cfg)}
	}, z, steps, label, kept)[0])[0])
}

func TestCORALByHand(t *testing.T) {
	// Cosines: 0-1 0, 0-2 .6, 1-2 .8. Classes 0, 1, 0.
	z := [][]float32{{2, 0}, {0, 3}, {0.6, 0.8}}
	steps, label, all := []int32{0, 500, 900}, []int32{0, 1, 0}, []float32{1, 1, 1}
	cfg := CORALConfig{Temperature: 0.5, Emphasis: 0.4}
	l0 := -math.Log(math.Exp(0.6/0.5) / (math.Exp(0.6/0.5) + math.Exp(0)))
	l2 := -math.Log(math.Exp(0.6/0.5) / (math.Exp(0.6/0.5) + math.Exp(0.8/0.5)))
	want := 0.5 * (math.Exp(1/0.4)*l0 + math.Exp(0.1/0.4)*l2) / 3 // sample 1 has no other of its class
	require.InEpsilon(t, want, coral(t, z, steps, label, all, cfg), 1e-5)

	// A sample whose label was dropped is in no sum: 0 and 2 are left, each the other's
	// only other, of its class.
	require.InDelta(t, 0, coral(t, z, steps, label, []float32{1, 0, 1}, cfg), 1e-6)
	require.InDelta(t, 0, coral(t, z, steps, label, []float32{0, 1, 1}, cfg), 1e-6, "nobody has a positive")
	require.Zero(t, coral(t, z, steps, label, []float32{0, 0, 0}, cfg))

	// Two positives are averaged: all of one class, l_i = lse - mean of the two.
	one := []int32{0, 0, 0}
	lse := func(a, b float64) float64 { return math.Log(math.Exp(a/0.5) + math.Exp(b/0.5)) }
	want = 0.5 * (math.Exp(1/0.4)*(lse(0, .6)-.6) + math.Exp(0.5/0.4)*(lse(0, .8)-.8) + math.Exp(0.1/0.4)*(lse(.6, .8)-1.4)) / 3
	require.InEpsilon(t, want, coral(t, z, steps, one, all, cfg), 1e-5)

	// At the sharpest temperature, opposite vectors leave exp(-200): no logarithm of 0.
	sharp := coral(t, [][]float32{{1, 0}, {-1, 0}}, []int32{999, 999}, []int32{0, 0}, []float32{1, 1}, CORALConfig{Temperature: 0.01, Emphasis: 1})
	require.InDelta(t, 0, sharp, 1e-5)
}

// The mean weight of the published setting over all t is .405, the .41 of the method
// notes.
func TestCORALEffectiveWeight(t *testing.T) {
	var mean float64
	for step := range Steps {
		mean += 0.5 * 0.1 * math.Exp((1-float64(step)/Steps)/0.3) / Steps
	}
	require.InDelta(t, 0.406, mean, 1e-3)
}

func TestCORALGradient(t *testing.T) {
	requireSlope(t, [][]float32{{1, 2, 0}, {2, 1, 1}, {-1, 0.5, 2}, {1, 1, -1}}, 2e-3, func(z *Node) *Node {
		g := z.Graph()
		return CORAL(z, Const(g, []int32{300, 600, 900, 100}), Const(g, []int32{0, 1, 0, 1}), Const(g, []float32{1, 1, 1, 1}), CORALConfig{Temperature: 0.5, Emphasis: 0.5})
	})
}
