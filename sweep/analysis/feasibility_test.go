package analysis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// trial is a completed one with a loss.
func trial(number int, kind sweep.Kind, seed int64, weight, loss float64) sweep.Trial {
	return sweep.Trial{
		Assignment: sweep.Assignment{Number: number, Kind: kind, Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(weight)}, Seed: seed},
		Status:     sweep.StatusCompleted, Losses: sweep.Losses{LossLast: new(loss)},
	}
}

func limited(t *testing.T, constraints ...string) *sweep.Spec {
	spec := &sweep.Spec{}
	for _, text := range constraints {
		c, err := sweep.ParseConstraint(text)
		require.NoError(t, err)
		spec.Constraints = append(spec.Constraints, c)
	}
	return spec
}

// The baseline's losses 1, 2, 3 have mean 2 and standard deviation 1, so that the
// mean's standard error is 1/sqrt 3.
func TestLimit(t *testing.T) {
	baseline := []sweep.Trial{trial(0, sweep.KindBaseline, 1, 0, 1), trial(1, sweep.KindBaseline, 2, 0, 2), trial(2, sweep.KindBaseline, 3, 0, 3), trial(3, sweep.KindSearch, 1, 1, 90)}
	failed := trial(4, sweep.KindBaseline, 4, 0, 50)
	failed.Status = sweep.StatusFailed
	spec := limited(t, "loss <= baseline.loss * -1.5 + 1", "loss <= 7")
	limit, ok := NewLimits(spec, append(baseline, failed)).Limit(0)
	require.True(t, ok)
	require.InDelta(t, -2, limit.Mean, 1e-12)
	require.InDelta(t, 1.5*0.5773502691896258, limit.StdDev, 1e-12)

	limit, ok = NewLimits(spec, baseline[1:2]).Limit(0)
	require.True(t, ok)
	require.Equal(t, sweep.Estimate{Mean: -2}, limit)
	_, ok = NewLimits(spec, baseline[3:]).Limit(0)
	require.False(t, ok)
	limit, ok = NewLimits(spec, nil).Limit(1)
	require.True(t, ok)
	require.Equal(t, sweep.Estimate{Mean: 7}, limit)
}

func TestFeasibility(t *testing.T) {
	three := []sweep.Trial{trial(0, sweep.KindBaseline, 1, 0, 1), trial(1, sweep.KindBaseline, 2, 0, 2), trial(2, sweep.KindBaseline, 3, 0, 3)}
	one := []sweep.Trial{trial(0, sweep.KindBaseline, 1, 0, 2)}
	relative, absolute := "loss <= baseline.loss + 1", "loss <= 3"
	// The baseline's standard deviation is 1. Of one trial the standard error of
	// relative is sqrt(1/3 + 1) = 1.155, that of absolute 1.
	for _, c := range []struct {
		name       string
		constraint []string
		baseline   []sweep.Trial
		losses     []float64 // of the configuration, a seed each
		want       Feasibility
	}{
		{"well below", []string{relative}, three, []float64{0.6}, Feasible},
		{"below, within noise", []string{relative}, three, []float64{0.8}, Undecided},
		{"above, within noise", []string{relative}, three, []float64{5.2}, Undecided},
		{"well above", []string{relative}, three, []float64{5.4}, Infeasible},
		// With seeds 4 to 7 of its own: squares 2 + .59 on 2 + 3 degrees of freedom, a
		// standard error of .72 sqrt(1/3 + 1/4) = .55.
		{"below by the mean of four", []string{relative}, three, []float64{1, 2, 1, 1.8}, Feasible},
		{"above by the mean of four", []string{relative}, three, []float64{5, 4, 5, 4.2}, Infeasible},
		{"four are no proof of a little", []string{relative}, three, []float64{2, 3, 2, 2.8}, Undecided},
		{"a number, noise of one trial", []string{absolute}, three, []float64{1.1}, Undecided},
		{"a number, well below", []string{absolute}, three, []float64{0.9}, Feasible},
		{"no noise known", []string{relative}, one, []float64{3}, Feasible},
		{"no noise known, above", []string{relative}, one, []float64{3.001}, Infeasible},
		{"no baseline yet", []string{relative}, nil, []float64{-100}, Undecided},
		{"a number without a baseline", []string{absolute}, nil, []float64{2.9}, Feasible},
		{"one undecided", []string{relative, "loss <= 100"}, three, []float64{2}, Undecided},
		{"one infeasible", []string{relative, "loss >= 100"}, three, []float64{2}, Infeasible},
		{"one infeasible, before", []string{"loss >= 100", relative}, three, []float64{2}, Infeasible},
		{"no constraint", nil, three, []float64{2}, Feasible},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := limited(t, c.constraint...)
			ledger := append([]sweep.Trial{}, c.baseline...)
			for i, loss := range c.losses {
				ledger = append(ledger, trial(10+i, sweep.KindSearch, int64(4+i), 0.5, loss))
			}
			key := ledger[len(c.baseline)].Params.Key()
			got, ok := NewLimits(spec, ledger).Feasibility(key)
			require.True(t, ok)
			require.Equal(t, c.want, got)
			_, ok = NewLimits(spec, c.baseline).Feasibility(key)
			require.Equal(t, len(c.constraint) == 0, ok, "nothing is known of it")
		})
	}
}

// Seeds that shift every configuration alike do not hide that one is within its
// limit: it is compared with the baseline seed by seed.
func TestFeasibilityPairsBySeed(t *testing.T) {
	shift := []float64{0, 30, -25}
	var ledger []sweep.Trial
	add := func(kind sweep.Kind, weight, loss float64, seeds ...int64) {
		for _, s := range seeds {
			wobble := 0.1 * math.Sin(float64(7*len(ledger)))
			ledger = append(ledger, trial(len(ledger), kind, s, weight, loss+shift[s-1]+wobble))
		}
	}
	add(sweep.KindBaseline, 0, 100, 1, 2, 3)
	for w := range 3 {
		add(sweep.KindSearch, float64(w+1), 100, 1, 2, 3)
	}
	add(sweep.KindSearch, 5, 99, 2)  // at 129
	add(sweep.KindSearch, 6, 103, 3) // at 78
	l := NewLimits(limited(t, "loss <= baseline.loss + 1"), ledger)
	excess, ok := l.Excess(0, ledger[12].Params.Key())
	require.True(t, ok)
	require.InDelta(t, -2, excess.Mean, 0.3)
	require.Less(t, excess.StdDev, 0.3)
	for i, want := range map[int]Feasibility{12: Feasible, 13: Infeasible} {
		got, ok := l.Feasibility(ledger[i].Params.Key())
		require.True(t, ok)
		require.Equal(t, want, got)
	}
}

// The interval of an evaluation over samples and real images decides where no noise between
// trainings is known, together with the baseline's; else the larger of the two does, unless
// the limit is of the same metric.
func TestFeasibilityByMeasurementErrors(t *testing.T) {
	measured := func(number int, kind sweep.Kind, seed int64, weight, kid, deviation float64) sweep.Trial {
		r := trial(number, kind, seed, weight, 0)
		r.Evaluation = sweep.Evaluation{Metrics: map[string]float64{"kid.tail": kid, "kid.head": kid}, StandardError: map[string]float64{"kid.tail": deviation}}
		return r
	}
	base := measured(0, sweep.KindBaseline, 1, 0, 2, 0.3)
	for _, c := range []struct {
		name, constraint string
		ledger           []sweep.Trial // that of interest last
		want             Feasibility
		deviation        float64
	}{
		{"above, the complete interval is not", "kid.tail <= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 1.7, 0.4)}, Undecided, 0.4},
		{"the complete interval is above", "kid.tail <= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 1.8, 0.4)}, Infeasible, 0.4},
		{"the complete interval is below", "kid.tail <= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 0.2, 0.4)}, Feasible, 0.4},
		{"below, the complete interval is not", "kid.tail <= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 0.3, 0.4)}, Undecided, 0.4},
		{"other direction", "kid.tail >= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 0.2, 0.4)}, Infeasible, 0.4},
		{"no error known", "kid.head <= 1", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 1.01, 0.4)}, Infeasible, 0},
		{"the baseline's interval is added", "kid.tail <= baseline.kid.tail + 0.5", []sweep.Trial{base, measured(1, sweep.KindSearch, 1, 1, 1.6, 0.4)}, Undecided, 0.5},
		{"apart from both", "kid.tail <= baseline.kid.tail + 0.5", []sweep.Trial{base, measured(1, sweep.KindSearch, 1, 1, 1.5, 0.4)}, Feasible, 0.5},
		{"a weighted limit", "kid.tail <= baseline.kid.tail * 2", []sweep.Trial{base, measured(1, sweep.KindSearch, 1, 1, 5, 0.8)}, Undecided, 1},
		{"only the baseline's is known", "kid.head <= baseline.kid.tail * 2", []sweep.Trial{base, measured(1, sweep.KindSearch, 1, 1, 5, 0.8)}, Undecided, 0.6},
		{"the baseline itself", "kid.tail <= baseline.kid.tail * 1.5", []sweep.Trial{base}, Feasible, 0.15},
		// Two seeds with 1.9 and 2.1 have a standard deviation of .141, .1 for the mean.
		{"seeds of an absolute limit", "kid.tail <= 1.5", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 1.9, 0.4), measured(2, sweep.KindSearch, 2, 1, 2.1, 0.4)}, Undecided, 0.4},
		{"wider seeds of an absolute limit", "kid.tail <= 1.5", []sweep.Trial{measured(1, sweep.KindSearch, 1, 1, 1.9, 0.04), measured(2, sweep.KindSearch, 2, 1, 2.1, 0.04)}, Infeasible, 0.1},
		{"seeds of a difference", "kid.tail <= baseline.kid.tail - 0.5", []sweep.Trial{base, measured(1, sweep.KindSearch, 1, 1, 1.9, 0.4), measured(2, sweep.KindSearch, 2, 1, 2.1, 0.4)}, Infeasible, 0.1732},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewLimits(limited(t, c.constraint), c.ledger)
			key := c.ledger[len(c.ledger)-1].Params.Key()
			excess, ok := l.Interval(0, key)
			require.True(t, ok)
			require.InDelta(t, c.deviation, excess.StdDev, 1e-4)
			got, ok := l.Feasibility(key)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
}

// A difference from the baseline has the noise between seeds where that is known, else that of
// the samples of both.
func TestDifference(t *testing.T) {
	measured := func(number int, kind sweep.Kind, weight, value, deviation float64) sweep.Trial {
		t := trial(number, kind, 1, weight, 0)
		t.Metrics = map[string]float64{"kid.tail": value}
		t.StandardError = map[string]float64{"kid.tail": deviation}
		return t
	}
	ledger := []sweep.Trial{measured(0, sweep.KindBaseline, 0, 10, 3), measured(1, sweep.KindSearch, 1, 4, 4)}
	key := ledger[1].Params.Key()
	d, ok := Difference(ledger, "kid.tail", key)
	require.True(t, ok)
	require.Equal(t, sweep.Estimate{Mean: -6, StdDev: 5}, d)
	_, ok = Difference(ledger[1:], "kid.tail", key)
	require.False(t, ok, "there is no baseline")

	seeds := []sweep.Trial{trial(0, sweep.KindBaseline, 1, 0, 1), trial(1, sweep.KindBaseline, 2, 0, 2), trial(2, sweep.KindBaseline, 3, 0, 3), trial(3, sweep.KindSearch, 1, 1, 4)}
	d, ok = Difference(seeds, sweep.MetricLoss, seeds[3].Params.Key())
	require.True(t, ok)
	require.InDelta(t, 2, d.Mean, 1e-12)
	require.InDelta(t, math.Sqrt(1+1/3.), d.StdDev, 1e-12)
}

// A trial without the metric is undecided, one that has not completed has no feasibility, and
// neither counts in a measurement error.
func TestFeasibilityOfTrialsWithoutTheMetric(t *testing.T) {
	spec := limited(t, "kid.tail <= 5")
	measured := trial(0, sweep.KindSearch, 1, 1, 0)
	measured.Metrics, measured.StandardError = map[string]float64{"kid.tail": 1}, map[string]float64{"kid.tail": 0.5}
	without := trial(1, sweep.KindSearch, 1, 2, 0)
	failed := measured
	failed.Number, failed.Status, failed.Params = 2, sweep.StatusFailed, sweep.Params{sweep.ParamInfonceWeight: sweep.Number(3)}
	require.Equal(t, map[int]Feasibility{0: Feasible, 1: Undecided}, Feasibilities(spec, []sweep.Trial{measured, without, failed}))

	again := trial(3, sweep.KindSearch, 2, 1, 0) // of the same configuration
	again.StandardError = map[string]float64{"kid.tail": 50}
	require.Equal(t, map[string]float64{measured.Params.Key(): 0.5}, measurementErrors([]sweep.Trial{measured, again}, "kid.tail"))
}
