package distance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// mixed draws rows of classes, of which class c is normal around a point of its own, moved
// by shift and widened by scale.
func mixed(r *rand.Rand, d int, counts []int, shift, scale float64) (features []float32, labels []int) {
	for class, n := range counts {
		for range n {
			for k := range d {
				centre := 2 * math.Cos(float64(7*class+3*k+class*k))
				features = append(features, float32(centre+shift+scale*r.NormFloat64()))
			}
			labels = append(labels, class)
		}
	}
	return features, labels
}

func mixture(r *rand.Rand, d int, counts []int, shift, scale float64) Set {
	features, labels := mixed(r, d, counts, shift, scale)
	return NewSet(features, d, labels)
}

func frechet(t *testing.T, x, y Set) float64 {
	t.Helper()
	a, err := NewMoments(x)
	require.NoError(t, err)
	b, err := NewMoments(y)
	require.NoError(t, err)
	return distance(t, a, b)
}

func kernel(t *testing.T, x, y Set) float64 {
	t.Helper()
	v, _, err := Kernel(x, y)
	require.NoError(t, err)
	return v
}

// The moments of unequal classes are those of their weights, and those of equal classes are
// the plain ones, bit for bit.
func TestMomentsOfClasses(t *testing.T) {
	const d = 3
	r := rand.New(rand.NewPCG(1, 1))
	features, labels := mixed(r, d, []int{40, 40, 40}, 0, 1)
	require.Equal(t, momentsOf(t, features, d), func() Moments { m, _ := NewMoments(NewSet(features, d, labels)); return m }())

	counts := []int{50, 10, 5}
	features, labels = mixed(r, d, counts, 0, 1)
	m, err := NewMoments(NewSet(features, d, labels))
	require.NoError(t, err)
	weight := func(i int) float64 { return 1 / float64(3*counts[labels[i]]) }
	var squares float64
	mean := make([]float64, d)
	for i := range labels {
		squares += weight(i) * weight(i)
		for k := range d {
			mean[k] += weight(i) * float64(features[i*d+k])
		}
	}
	require.InDeltaSlice(t, mean, m.Mean, 1e-12)
	for j := range d {
		for k := range d {
			var sum float64
			for i := range labels {
				sum += weight(i) * (float64(features[i*d+j]) - mean[j]) * (float64(features[i*d+k]) - mean[k])
			}
			require.InDelta(t, sum/(1-squares), m.Cov.At(j, k), 1e-12)
		}
	}

	// The order of the rows does not matter.
	order := r.Perm(len(labels))
	var shuffled []float32
	var of []int
	for _, i := range order {
		shuffled, of = append(shuffled, features[i*d:(i+1)*d]...), append(of, labels[i])
	}
	again, err := NewMoments(NewSet(shuffled, d, of))
	require.NoError(t, err)
	require.InDeltaSlice(t, m.Mean, again.Mean, 1e-12)

	_, err = NewMoments(NewSet(features, 20, slices.Concat(slices.Repeat([]int{0}, 8), []int{1})))
	require.ErrorIs(t, err, ErrTooFew)
	few, labels := mixed(r, 4, []int{100, 2}, 0, 1) // 4/(1/100 + 1/2) = 7.8, where 8 are needed
	_, err = NewMoments(NewSet(few, 4, labels))
	require.ErrorIs(t, err, ErrTooFew)
	require.ErrorContains(t, err, "7.843 of 4 features, want at least 8")
}

// Two samples of one distribution have the distance of their numbers of rows alone, however
// unequal the classes are; without weights their mixtures differ.
func TestTheSameDistributionWithUnequalClasses(t *testing.T) {
	const d, repeats = 4, 40
	counts, balanced := []int{1000, 200, 30}, []int{200, 200, 200}
	r := rand.New(rand.NewPCG(2, 2))
	var fid, floor, plain, kid, plainKID, squares float64
	for range repeats {
		x, labels := mixed(r, d, counts, 0, 1)
		y := mixture(r, d, balanced, 0, 1)
		fid += frechet(t, NewSet(x, d, labels), y) / repeats
		floor += frechet(t, mixture(r, d, balanced, 0, 1), y) / repeats
		plain += frechet(t, NewSet(x, d, nil), y) / repeats
		one := kernel(t, NewSet(x, d, labels), y)
		kid, squares = kid+one/repeats, squares+one*one/repeats
		plainKID += kernel(t, NewSet(x, d, nil), y) / repeats
	}
	require.Less(t, fid, 4*floor, "of fewer effective rows")
	require.Greater(t, plain, 20*floor)
	require.InDelta(t, 0, kid, 3*math.Sqrt(squares/repeats), "unbiased")
	require.Greater(t, plainKID, 10*math.Sqrt(squares/repeats))

	// Of one class, or of many rows in equal classes, it is the estimate without classes.
	x, y := mixture(r, d, []int{900, 900, 900}, 0, 1), mixture(r, d, []int{900, 900, 900}, 0.3, 1)
	_, deviation, err := Kernel(x, y)
	require.NoError(t, err)
	pooled := func(s Set) Set { return Set{rows: s.rows, counts: []int{s.rows.n}} }
	require.InDelta(t, kernel(t, pooled(x), pooled(y)), kernel(t, x, y), deviation/4, "the pooled one is biased by about 1/N of the variance between classes")
}

// An interval of 1.96 standard errors covers the mean of the estimate about as often as it
// says, where the distributions differ.
func TestStandardErrors(t *testing.T) {
	const d, repeats = 4, 200
	r := rand.New(rand.NewPCG(3, 3))
	type estimate struct{ value, deviation float64 }
	found := map[string][]estimate{}
	for range repeats {
		x, y := mixture(r, d, []int{400, 60, 25}, 0, 1), mixture(r, d, []int{150, 150, 150}, 0.4, 1.2)
		value, deviation, err := Kernel(x, y)
		require.NoError(t, err)
		found["kid"] = append(found["kid"], estimate{value, deviation})

		a, err := NewMoments(x)
		require.NoError(t, err)
		b, err := NewMoments(y)
		require.NoError(t, err)
		deviation, err = FrechetError(x, y, a, b)
		require.NoError(t, err)
		found["fid"] = append(found["fid"], estimate{distance(t, a, b), deviation})

		one, _ := mixed(r, d, []int{100}, 0, 1)
		other, _ := mixed(r, d, []int{100}, 0.5, 1.3)
		m, err := Manifolds(one, other, d, 3, 5)
		require.NoError(t, err)
		e, err := ManifoldErrors(one, other, d, 3, 5)
		require.NoError(t, err)
		for i, name := range []string{"precision", "recall", "density", "coverage"} {
			found[name] = append(found[name], estimate{*m.values()[i], *e.values()[i]})
		}
		value, deviation = Spread(one, d)
		found["diversity"] = append(found["diversity"], estimate{value, deviation})

		var right []float64
		var labels []int
		for class, p := range []float64{.9, .6, .3} {
			for range []int{200, 60, 30}[class] {
				v := 0.0
				if r.Float64() < p {
					v = 1
				}
				right, labels = append(right, v), append(labels, class)
			}
		}
		value, deviation = Mean(right, labels)
		found["accuracy"] = append(found["accuracy"], estimate{value, deviation})
	}
	for name, estimates := range found {
		var mean, squares, deviations float64
		for _, e := range estimates {
			mean += e.value / repeats
			deviations += e.deviation / repeats
		}
		covered := 0
		for _, e := range estimates {
			squares += (e.value - mean) * (e.value - mean) / (repeats - 1)
			covered += count(math.Abs(e.value-mean) < 1.96*e.deviation)
		}
		share := float64(covered) / repeats
		t.Logf("%-10s mean %.4g deviation %.4g estimated %.4g covered %.3f", name, mean, math.Sqrt(squares), deviations, share)
		require.GreaterOrEqual(t, share, .88, name)
		require.LessOrEqual(t, share, .99, name)
	}
}

// The error of a class of one row is not known.
func TestErrorsOfOneRow(t *testing.T) {
	_, deviation := Mean([]float64{1, 0, 1}, []int{0, 0, 1})
	require.True(t, math.IsNaN(deviation))
}
