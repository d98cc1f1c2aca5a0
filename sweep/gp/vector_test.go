package gp

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Wide or not, the bits are the same, whatever is left over at the ends.
func TestVectorsEqualPlainLoops(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(n int) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = rng.NormFloat64()
		}
		return list
	}
	for n := range 70 {
		a, b := random(n), random(n+3)
		require.Equal(t, dotPlain(a, b), dot(a, b[:n]), "%d numbers", n)
		require.Equal(t, dot3Plain(a, b, b[3:]), dot3(a, b[:n], b[3:]), "%d numbers", n)
		lower, product, wantProduct := make([]float64, n*n), random(n), make([]float64, n)
		for i := range n {
			copy(lower[i*n:], random(i+1))
			wantProduct[i] = dot8(lower[i*n:i*n+i+1], a)
		}
		lowerTimes(product, lower, a)
		require.Equal(t, wantProduct, product)
		y, want := random(n), make([]float64, n)
		for i := range y {
			want[i] = y[i] + float64(0.3*a[i])
		}
		addScaled(y, 0.3, a)
		require.Equal(t, want, y)
	}
}

func TestInvertEqualsPlainLoops(t *testing.T) {
	r := load(t)
	prior := DefaultPrior(3)
	o := newObjective(r.data(), []reading{{y: r.data().Y}}, prior)
	theta := prior.start(3, 0)
	o.at(theta)
	require.True(t, o.valid)
	o.invert()
	wide := append([]float64(nil), o.whole...)
	clear(o.whole)
	o.invertPlain()
	require.Equal(t, o.whole, wide)
}
