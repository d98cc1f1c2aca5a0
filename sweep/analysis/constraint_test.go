package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// trial is a completed one with a loss.
func trial(number int, kind sweep.Kind, weight, loss float64) sweep.Trial {
	return sweep.Trial{
		Assignment: sweep.Assignment{Number: number, Kind: kind, Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(weight)}},
		Status:     sweep.StatusCompleted, LossLast: loss,
	}
}

// The baseline's losses 1, 2, 3 have mean 2 and standard deviation 1, so that the
// mean's standard error is 1/sqrt 3.
func TestConstraintLimit(t *testing.T) {
	baseline := []sweep.Trial{trial(0, sweep.KindBaseline, 0, 1), trial(1, sweep.KindBaseline, 0, 2), trial(2, sweep.KindBaseline, 0, 3), trial(3, sweep.KindSearch, 1, 90)}
	failed := trial(4, sweep.KindBaseline, 0, 50)
	failed.Status = sweep.StatusFailed
	relative := sweep.Constraint{Metric: "loss", Op: "<=", Baseline: "loss", Factor: -1.5, Offset: 1}
	limit, ok := Limit(relative, append(baseline, failed))
	require.True(t, ok)
	require.InDelta(t, -2, limit.Mean, 1e-12)
	require.InDelta(t, 1.5*0.5773502691896258, limit.StdDev, 1e-12)

	limit, ok = Limit(relative, baseline[1:2])
	require.True(t, ok)
	require.Equal(t, sweep.Estimate{Mean: -2}, limit)
	_, ok = Limit(relative, baseline[3:])
	require.False(t, ok)
	limit, ok = Limit(sweep.Constraint{Metric: "loss", Op: "<=", Offset: 7}, nil)
	require.True(t, ok)
	require.Equal(t, sweep.Estimate{Mean: 7}, limit)
}

func TestFeasibility(t *testing.T) {
	three := []sweep.Trial{trial(0, sweep.KindBaseline, 0, 1), trial(1, sweep.KindBaseline, 0, 2), trial(2, sweep.KindBaseline, 0, 3)}
	one := []sweep.Trial{trial(0, sweep.KindBaseline, 0, 2)}
	relative, absolute := "loss <= baseline.loss + 1", "loss <= 3"
	// Of one trial the standard error of relative is sqrt(1/3 + 1) = 1.155, that of
	// absolute 1; of four trials sqrt(1/3 + 1/4) = 0.764 and 0.5.
	for _, c := range []struct {
		name       string
		constraint []string
		baseline   []sweep.Trial
		losses     []float64 // of the point, a seed each
		want       Feasibility
	}{
		{"well below", []string{relative}, three, []float64{0.6}, Feasible},
		{"below, within noise", []string{relative}, three, []float64{0.8}, Undecided},
		{"above, within noise", []string{relative}, three, []float64{5.2}, Undecided},
		{"well above", []string{relative}, three, []float64{5.4}, Infeasible},
		{"below by the mean of four", []string{relative}, three, []float64{1, 2, 1, 1.8}, Feasible},
		{"above by the mean of four", []string{relative}, three, []float64{5, 4, 5, 4.2}, Infeasible},
		{"four are no proof of a little", []string{relative}, three, []float64{1, 2, 2, 2}, Undecided},
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
			spec := &sweep.Spec{}
			for _, text := range c.constraint {
				constraint, err := sweep.ParseConstraint(text)
				require.NoError(t, err)
				spec.Constraints = append(spec.Constraints, constraint)
			}
			ledger := append([]sweep.Trial{}, c.baseline...)
			for i, loss := range c.losses {
				ledger = append(ledger, trial(10+i, sweep.KindSearch, 0.5, loss), trial(20+i, sweep.KindSearch, 0.7, 1e6))
			}
			at := ledger[len(c.baseline)]
			got, ok := FeasibilityOf(spec, at, ledger)
			require.True(t, ok)
			require.Equal(t, c.want, got)
			if len(c.losses) == 1 {
				got, ok = FeasibilityOf(spec, at, c.baseline)
				require.True(t, ok, "a trial that the ledger has not yet")
				require.Equal(t, c.want, got)
			}
			at.Status, at.Number = sweep.StatusFailed, 30
			_, ok = FeasibilityOf(spec, at, c.baseline)
			require.Equal(t, len(c.constraint) == 0, ok, "nothing is known of it")
		})
	}
}
