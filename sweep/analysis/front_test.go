package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestPareto(t *testing.T) {
	trials := []sweep.Trial{
		completed(0, 5, 1), completed(1, 1, 5), completed(2, 3, 3), completed(3, 3, 4), completed(4, 6, 1), completed(5, 3, 3), completed(6, 0, math.NaN()),
	}
	require.Equal(t, []int{1, 2, 5, 0}, numbers(Pareto(headAndTail, trials)))
	require.Empty(t, Pareto(headAndTail, nil))
}

func TestNewFront(t *testing.T) {
	trials := []sweep.Trial{completed(0, 10, 0), completed(1, 2, 1), completed(2, 1, 5), completed(3, 0, 10), completed(4, 11, 11)}
	f := NewFront(headAndTail, trials, nil)
	require.Equal(t, []int{3, 2, 1, 0}, numbers(f.Trials))
	require.Equal(t, 1, *f.Knee)
	require.Equal(t, map[string]float64{"fid.tail": 11, "fid.head": 11}, f.Reference, "a tenth of the range beyond the worst of the front")
	// By columns of head: [0, 1] from tail 10, [1, 5] from 2, [5, 10] from 1, [10, 11] from 0.
	require.InDelta(t, 1*1+4*9+5*10+1*11, *f.Hypervolume, 1e-9)
	require.InDelta(t, 1*0+4*6+2*7, *NewFront(headAndTail, trials, []float64{8, 7}).Hypervolume, 1e-9)

	require.Equal(t, Front{NoVolume: "no completed trial has a value of each metric"}, NewFront(headAndTail, nil, nil))
	one := NewFront(headAndTail, trials[:1], nil)
	require.Nil(t, one.Knee)
	require.Equal(t, map[string]float64{"fid.tail": 11, "fid.head": 0.1}, one.Reference)
	with := NewFront(headAndTail, append([]sweep.Trial{baseline(8, 1, 14, 2), baseline(9, 2, 16, 2)}, trials[1]), nil)
	require.InDelta(t, 15+0.1*13, with.Reference["fid.tail"], 1e-12, "the baseline's mean counts")
	require.InDelta(t, 2.1, with.Reference["fid.head"], 1e-12)
}

// The front is the same when every metric is negated and maximised.
func TestFrontOfMetricsToMaximise(t *testing.T) {
	turned := &sweep.Spec{Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Maximize}, {Name: "fid.head", Goal: sweep.Maximize}}}
	rng := rand.New(rand.NewPCG(3, 1))
	var plain, negative []sweep.Trial
	for i := range 40 {
		x, y := rng.Float64(), rng.Float64()
		plain, negative = append(plain, completed(i, x, y)), append(negative, completed(i, -x, -y))
	}
	a, b := NewFront(headAndTail, plain, nil), NewFront(turned, negative, nil)
	require.Equal(t, numbers(a.Trials), numbers(b.Trials))
	require.Equal(t, a.Knee, b.Knee)
	require.InDelta(t, *a.Hypervolume, *b.Hypervolume, 1e-12)
	require.InDelta(t, a.Reference["fid.tail"], -b.Reference["fid.tail"], 1e-12)
}

// Only feasible trials count for the hypervolume and the knee.
func TestNewFrontUnderConstraints(t *testing.T) {
	spec := constrained(t, "fid.head <= 4")
	trials := []sweep.Trial{seeded(0, 0, 1, 3, 1), seeded(1, 1, 1, 1, 3), seeded(2, 2, 1, 0, 5)}
	f := NewFront(spec, trials, []float64{4, 4})
	require.Equal(t, []int{1, 0}, numbers(f.Trials))
	require.InDelta(t, 1*3+3*1-1, *f.Hypervolume, 1e-12)

	none := NewFront(spec, trials[2:], []float64{9, 9})
	require.Len(t, none.Trials, 1)
	require.Nil(t, none.Hypervolume, "a front that nothing feasible is on has no volume of 0")
	require.Equal(t, "no trial is feasible", none.NoVolume)
	spec = constrained(t, "fid.head <= baseline.fid.head")
	require.Equal(t, "no trial of the front is known to be feasible: the constraints are undecided", NewFront(spec, trials, nil).NoVolume)
}

// BenchmarkPareto takes the worst case: 10,000 trials that are all on the front.
func BenchmarkPareto(b *testing.B) {
	spec := &sweep.Spec{Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}, {Name: "fid.all", Goal: sweep.Minimize}}}
	rng := rand.New(rand.NewPCG(8, 1))
	var trials []sweep.Trial
	for i := range 10_000 {
		u, v := math.Acos(rng.Float64()), math.Pi/2*rng.Float64()
		trial := completed(i, math.Cos(u), math.Sin(u)*math.Cos(v)) // on a sphere
		trial.Metrics["fid.all"] = math.Sin(u) * math.Sin(v)
		trials = append(trials, trial)
	}
	for b.Loop() {
		if n := len(Pareto(spec, trials)); n != len(trials) {
			b.Fatalf("%d of %d are on the front", n, len(trials))
		}
	}
}
