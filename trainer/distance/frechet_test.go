package distance

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// congruential makes the rows that features makes in testdata/made.py.
func congruential(seed uint64, n, d int, shift, mix float64) []float32 {
	state := seed
	out := make([]float32, 0, n*d)
	row := make([]float64, d)
	for range n {
		for k := range row {
			state = (state*1103515245 + 12345) % (1 << 31)
			row[k] = float64(state)/(1<<31) - 0.5
		}
		for k := range row {
			out = append(out, float32(row[k]+mix*row[(k+1)%d]+shift*float64(k)))
		}
	}
	return out
}

func momentsOf(t *testing.T, features []float32, d int) Moments {
	t.Helper()
	m, err := NewMoments(NewSet(features, d, nil))
	require.NoError(t, err)
	return m
}

func distance(t *testing.T, a, b Moments) float64 {
	t.Helper()
	f, err := Frechet(a, b)
	require.NoError(t, err)
	return f
}

// TestFrechetAgainstScipy compares with testdata/frechet.json, made by
// testdata/frechet.py.
func TestFrechetAgainstScipy(t *testing.T) {
	data, err := os.ReadFile("testdata/frechet.json")
	require.NoError(t, err)
	var cases []struct {
		SeedA     uint64  `json:"seed_a"`
		SeedB     uint64  `json:"seed_b"`
		NA        int     `json:"n_a"`
		NB        int     `json:"n_b"`
		D         int     `json:"d"`
		Shift     float64 `json:"shift"`
		Mix       float64 `json:"mix"`
		MeanBLast float64 `json:"mean_b_last"`
		CovB01    float64 `json:"cov_b_01"`
		Frechet   float64 `json:"frechet"`
	}
	require.NoError(t, json.Unmarshal(data, &cases))
	require.Len(t, cases, 4)
	for _, c := range cases {
		a := momentsOf(t, congruential(c.SeedA, c.NA, c.D, 0, 0), c.D)
		b := momentsOf(t, congruential(c.SeedB, c.NB, c.D, c.Shift, c.Mix), c.D)
		require.Equal(t, c.NB, b.N)
		require.InEpsilon(t, c.MeanBLast, b.Mean[c.D-1], 1e-9)
		require.InEpsilon(t, c.CovB01, b.Cov.At(0, 1), 1e-9)
		require.InEpsilon(t, c.Frechet, distance(t, a, b), 1e-6, "scipy's general root is itself good to about 1e-8")
	}
}

func TestFrechetKnownCases(t *testing.T) {
	const d = 8
	rows := congruential(9, 200, d, 0.1, 0.5)
	m := momentsOf(t, rows, d)
	var trace float64
	for k := range d {
		trace += m.Cov.At(k, k)
	}
	require.InDelta(t, 0, distance(t, m, m), 1e-12*trace, "a distribution and itself")

	moved := make([]float32, len(rows))
	for i, v := range rows {
		moved[i] = v + 2
	}
	require.InEpsilon(t, 4*d, distance(t, m, momentsOf(t, moved, d)), 1e-6, "float32 rows: |mu_a - mu_b|^2 alone")

	wider := make([]float32, len(rows))
	for i, v := range rows {
		wider[i] = v + 2*(v-float32(m.Mean[i%d])) // three times as wide about its mean
	}
	require.InEpsilon(t, 4*trace, distance(t, m, momentsOf(t, wider, d)), 1e-5, "(3-1)^2 tr S")

	other := momentsOf(t, congruential(10, 300, d, 0, 0.9), d)
	require.InEpsilon(t, distance(t, m, other), distance(t, other, m), 1e-9, "symmetric")
}

// A feature that never varies, and one that repeats another, make a covariance
// singular, at which a general matrix root is unreliable.
func TestFrechetOfSingularCovariances(t *testing.T) {
	const d = 5
	widen := func(rows []float32, extra func(row []float32) float32) []float32 {
		var out []float32
		for i := 0; i < len(rows); i += d {
			out = append(append(out, rows[i:i+d]...), extra(rows[i:i+d]))
		}
		return out
	}
	constant := func([]float32) float32 { return 7 }
	repeated := func(row []float32) float32 { return row[0] }
	a, b := congruential(1, 50, d, 0, 0), congruential(2, 60, d, 0.1, 0.4)
	require.InEpsilon(t, distance(t, momentsOf(t, a, d), momentsOf(t, b, d)),
		distance(t, momentsOf(t, widen(a, constant), d+1), momentsOf(t, widen(b, constant), d+1)), 1e-6)
	same := momentsOf(t, widen(a, repeated), d+1)
	require.InDelta(t, 0, distance(t, same, same), 1e-6, "roots of eigenvalues of about 1e-16")
}

// The mean and covariance of any number of rows and features are those of their
// definition, bit for bit the same on any number of cores.
func TestMomentsAreTheirDefinition(t *testing.T) {
	for _, c := range []struct{ n, d int }{{2, 1}, {16, 7}, {255, 64}, {256, 65}, {600, 130}, {1111, 200}} {
		rows := congruential(4, c.n, c.d, .3, .7)
		m := momentsOf(t, rows, c.d)
		for i := range c.d {
			for j := range c.d {
				var mi, mj, sum float64
				for r := range c.n {
					mi, mj = mi+float64(rows[r*c.d+i])/float64(c.n), mj+float64(rows[r*c.d+j])/float64(c.n)
				}
				for r := range c.n {
					sum += (float64(rows[r*c.d+i]) - mi) * (float64(rows[r*c.d+j]) - mj)
				}
				require.InDelta(t, mi, m.Mean[i], 1e-12*(1+math.Abs(mi)))
				require.InDelta(t, sum/float64(c.n-1), m.Cov.At(i, j), 1e-12, "%v (%d, %d)", c, i, j)
			}
		}
		before := runtime.GOMAXPROCS(1)
		one := momentsOf(t, rows, c.d)
		runtime.GOMAXPROCS(5)
		require.Equal(t, one, momentsOf(t, rows, c.d))
		runtime.GOMAXPROCS(before)
	}
}

func TestMomentsRefuse(t *testing.T) {
	rows := congruential(1, 20, 4, 0, 0)
	_, err := NewMoments(NewSet(rows[:7*4], 4, nil))
	require.ErrorIs(t, err, ErrTooFew)
	require.ErrorContains(t, err, "7 of 4 features, want at least 8")
	_, err = NewMoments(NewSet(rows[:8*4], 4, nil))
	require.NoError(t, err)

	rows[13] = float32(math.NaN())
	_, err = NewMoments(NewSet(rows, 4, nil))
	require.ErrorContains(t, err, "not finite")
	_, err = Frechet(Moments{Mean: []float64{1}}, Moments{Mean: []float64{1, 2}})
	require.ErrorContains(t, err, "1 features against 2")
}

func BenchmarkFrechet(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, y := congruential(1, n, 64, 0, 0), congruential(2, n, 64, .1, .4)
			for b.Loop() {
				p, _ := NewMoments(NewSet(x, 64, nil))
				q, _ := NewMoments(NewSet(y, 64, nil))
				_, _ = Frechet(p, q)
			}
		})
	}
}
