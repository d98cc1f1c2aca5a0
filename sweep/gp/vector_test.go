package gp

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// With vector instructions and without, the bits are equal for every length.
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

		four := random(4*n + 12)
		rowAdd4Plain(want, [4]float64{1, -2, 0.3, 4}, four, n+3)
		rowAdd4(y, [4]float64{1, -2, 0.3, 4}, four, n+3)
		endRows()
		require.Equal(t, want, y)
	}
}

// K^-1 row by row, without vectors.
func TestInvertEqualsPlainLoops(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 21 {
		o := &objective{n: n, matrix: make([]float64, n*n), lower: make([]float64, n*n), inverted: make([]float64, n*n)}
		for i := range n {
			o.matrix[i*n+i] = 1 + rng.Float64()
			for j := i + 1; j < n; j++ {
				o.matrix[i*n+j] = rng.NormFloat64()
			}
		}
		o.invert()
		lower, want := make([]float64, n*n), make([]float64, n*n)
		for k := range n {
			row := lower[k*n : k*n+k+1]
			for i := range k {
				rowAddPlain(row[:i+1], o.matrix[i*n+k], lower[i*n:i*n+i+1])
			}
			for i := range row {
				row[i] *= -(1 / o.matrix[k*n+k])
			}
			row[k] = 1 / o.matrix[k*n+k]
			for i, v := range row {
				rowAddPlain(want[i*n+i:i*n+k+1], v, row[i:])
			}
		}
		require.Equal(t, want, o.inverted, "%d rows", n)
	}
}
