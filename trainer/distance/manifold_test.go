package distance

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAgainstReferences compares with testdata/manifold.json, made by
// testdata/manifold.py.
func TestAgainstReferences(t *testing.T) {
	data, err := os.ReadFile("testdata/manifold.json")
	require.NoError(t, err)
	type prdc struct{ Precision, Recall, Density, Coverage float64 }
	var cases []struct {
		SeedA   uint64  `json:"seed_a"`
		SeedB   uint64  `json:"seed_b"`
		NA      int     `json:"n_a"`
		NB      int     `json:"n_b"`
		D       int     `json:"d"`
		Shift   float64 `json:"shift"`
		Mix     float64 `json:"mix"`
		Subsets int     `json:"subsets"`
		Subset  int     `json:"subset"`
		KID     float64 `json:"kid"`
		K3      prdc    `json:"k3"`
		K5      prdc    `json:"k5"`
		Nearest [2]float64
		Spread  float64
	}
	require.NoError(t, json.Unmarshal(data, &cases))
	require.Len(t, cases, 3)
	for _, c := range cases {
		x, y := congruential(c.SeedA, c.NA, c.D, 0, 0), congruential(c.SeedB, c.NB, c.D, c.Shift, c.Mix)
		m, err := Manifolds(x, y, c.D, 3, 5)
		require.NoError(t, err)
		want := Manifold{Precision: c.K3.Precision, Recall: c.K3.Recall, Density: c.K5.Density, Coverage: c.K5.Coverage}
		require.InDelta(t, want.Precision, m.Precision, 1e-12, "shares of counts")
		require.InDelta(t, want.Recall, m.Recall, 1e-12)
		require.InDelta(t, want.Density, m.Density, 1e-12)
		require.InDelta(t, want.Coverage, m.Coverage, 1e-12)

		var kid float64
		for s := range c.Subsets { // clean-fid's mean over subsets, each of one class
			var xs, ys []int
			for i := range c.Subset {
				xs, ys = append(xs, (s+3*i)%c.NA), append(ys, (s+2*i)%c.NB)
			}
			one, deviation, err := Kernel(Set{rows: gather(x, c.D, xs), counts: []int{len(xs)}}, Set{rows: gather(y, c.D, ys), counts: []int{len(ys)}})
			require.NoError(t, err)
			require.Positive(t, deviation)
			kid += one / float64(c.Subsets)
		}
		require.InEpsilon(t, c.KID, kid, 1e-9)

		first, second := nearestOf(t, y, x, c.D)
		require.InEpsilon(t, c.Nearest[0], sum(first), 1e-9)
		require.InEpsilon(t, c.Nearest[1], sum(second), 1e-9)
		spread, _ := Spread(x, c.D)
		require.InEpsilon(t, c.Spread, spread, 1e-9)
	}
}

func sum(values []float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

func normal(seed uint64, n, d int, scale, shift float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, n*d)
	for i := range out {
		out[i] = float32(scale*r.NormFloat64() + shift)
	}
	return out
}

func TestManifoldsKnownCases(t *testing.T) {
	const d = 4
	x := normal(1, 300, d, 1, 0)
	same, err := Manifolds(x, x, d, 3, 5)
	require.NoError(t, err)
	require.Equal(t, 1.0, same.Precision)
	require.Equal(t, 1.0, same.Recall)
	require.Equal(t, 1.0, same.Coverage)
	require.InDelta(t, 1, same.Density, 0.1, "itself, and about k - 1 that have it among their k - 1 nearest")

	far, err := Manifolds(x, normal(2, 300, d, 1, 50), d, 3, 5)
	require.NoError(t, err)
	require.Equal(t, Manifold{}, far)

	narrow, err := Manifolds(x, normal(3, 300, d, 0.2, 0), d, 3, 5)
	require.NoError(t, err)
	require.Greater(t, narrow.Precision, 0.95)
	require.Less(t, narrow.Recall, 0.2, "it lacks what is outside")
	require.Less(t, narrow.Coverage, 0.5)
	require.Greater(t, narrow.Density, 1.3)

	_, err = Manifolds(x[:5*d], x, d, 3, 5)
	require.ErrorContains(t, err, "5 and 300 vectors for neighbours 3 and 5")
}

func TestKernel(t *testing.T) {
	const d = 8
	one := func(features []float32) Set { return NewSet(features, d, nil) }
	x, y := one(normal(1, 500, d, 1, 0)), one(normal(2, 400, d, 1, 0))
	alike, deviation, err := Kernel(x, y)
	require.NoError(t, err)
	require.InDelta(t, 0, alike, 2*deviation)
	shifted, deviation, err := Kernel(x, one(normal(3, 400, d, 1, 0.5)))
	require.NoError(t, err)
	require.Greater(t, shifted, 10*deviation)
	_, _, err = Kernel(x, one(normal(3, 1, d, 1, 0)))
	require.ErrorContains(t, err, "classes of [500] and [1] rows, want at least 2")
}

func TestNearest(t *testing.T) {
	x := []float32{0, 0, 3, 0, 0, 4}
	first, second := nearestOf(t, []float32{0, 0, 3, 4}, x, 2)
	require.InDeltaSlice(t, []float64{0, 3}, first, 1e-12)
	require.InDeltaSlice(t, []float64{3, 4}, second, 1e-12)
	first, second = nearestOf(t, []float32{1, 0}, x[:2], 2)
	require.Equal(t, []float64{1}, first)
	require.True(t, math.IsInf(second[0], 1))
	mean, deviation := Spread(x, 2)
	require.InDelta(t, (3+4+5)/3.0, mean, 1e-12)
	require.InDelta(t, 2*math.Sqrt(.25/3), deviation, 1e-12, "of the means 3.5, 4 and 4.5")
	mean, _ = Spread(x[:2], 2)
	require.Zero(t, mean)
}

// The tiles of one processor and of another, or with other numbers of cores, must
// not matter: the plain loop is the reference for the wide one.
func TestTiles(t *testing.T) {
	for _, d := range []int{1, 7, 64, 300} {
		a, b := normal(1, tileRows, d, 1, 0), normal(2, tileColumns, d, 1, 0)
		packed, dots := make([]float64, tileRows*d), make([]float64, tileRows*tileColumns)
		panel := make([]float64, tileColumns*d)
		pack(packed, of(a, d), 0, tileRows)
		pack(panel, of(b, d), 0, tileColumns)
		tile(packed, tileRows, panel, dots, tileColumns)
		for r := range tileRows {
			for c := range tileColumns {
				var want float64
				for k := range d {
					want += float64(a[r*d+k]) * float64(b[c*d+k])
				}
				require.InDelta(t, want, dots[r*tileColumns+c], 1e-12*float64(d))
			}
		}
	}
	x, y := normal(1, 1111, 9, 1, 0), normal(2, 777, 9, 1, 0)
	once, err := Manifolds(x, y, 9, 3, 5)
	require.NoError(t, err)
	kid, _, err := Kernel(NewSet(x, 9, nil), NewSet(y, 9, nil))
	require.NoError(t, err)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(5))
	again, err := Manifolds(x, y, 9, 3, 5)
	require.NoError(t, err)
	require.Equal(t, once, again)
	kid5, _, err := Kernel(NewSet(x, 9, nil), NewSet(y, 9, nil))
	require.NoError(t, err)
	require.Equal(t, kid, kid5, "bit for bit")
}

func BenchmarkManifolds(b *testing.B) {
	x, y := normal(1, 10000, 64, 1, 0), normal(2, 10000, 64, 1, 0)
	for b.Loop() {
		_, _ = Manifolds(x, y, 64, 3, 5)
	}
}

// vectors are vectors of length d.
type vectors struct {
	values []float32
	d      int
}

func (v vectors) Len() int { return len(v.values) / v.d }

func (v vectors) Read(dst []float32, i int) error {
	copy(dst, v.values[i*v.d:(i+1)*v.d])
	return nil
}

func nearestOf(t *testing.T, y, x []float32, d int) (first, second []float64) {
	t.Helper()
	first, second, err := Nearest(vectors{y, d}, vectors{x, d}, d)
	require.NoError(t, err)
	return first, second
}

// Vectors that do not fit in memory together have the same distances, to the last bit.
func TestNearestOfManyVectors(t *testing.T) {
	const d = 5000
	r := rand.New(rand.NewPCG(7, 8))
	random := func(n int) []float32 {
		values := make([]float32, n*d)
		for i := range values {
			values[i] = r.Float32()
		}
		return values
	}
	y, x := random(11), random(4*block(d)+9)
	first, second, err := nearestInParts(vectors{y, d}, vectors{x, d}, d, 6)
	require.NoError(t, err)
	least := newNearest(11, 2)
	distances(of(y, d), of(x, d), func(worker, i, _ int, squared []float64) { least.see(worker, i, squared, -1) })
	for i := range first {
		require.Equal(t, math.Sqrt(least.of(i)[0]), first[i])
		require.Equal(t, math.Sqrt(least.of(i)[1]), second[i])
	}
}
