package sweep

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConstraintReadsBack(t *testing.T) {
	for text, want := range map[string]Constraint{
		"loss <= 1e-3": {Metric: "loss", Op: "<=", Offset: 1e-3},
		"label_accuracy.all  >=  baseline.label_accuracy.all": {Metric: "label_accuracy.all", Op: ">=", Baseline: "label_accuracy.all", Factor: 1},
		"fid.head <= baseline.fid.head * 1.02":                {Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 1.02},
		"fid.head <= baseline.fid.tail + 2":                   {Metric: "fid.head", Op: "<=", Baseline: "fid.tail", Factor: 1, Offset: 2},
		"fid.head <= baseline.fid.head * 0.5 - 2":             {Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 0.5, Offset: -2},
	} {
		got, err := ParseConstraint(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		data, err := json.Marshal(got)
		require.NoError(t, err)
		var again Constraint
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, want, again)
	}
	for _, text := range []string{
		"", "loss <=", "loss<=1", "loss < 1", "loss <= much", "loss <= 1 + 1", "loss <= baseline.loss * x", "loss <= baseline.loss 1.02",
		"loss <= baseline.loss + 1 * 2", "loss <= baseline.loss *", "loss <= .inf", "loss <= baseline.",
	} {
		_, err := ParseConstraint(text)
		require.Errorf(t, err, "%q", text)
	}
}

func FuzzConstraint(f *testing.F) {
	f.Add("fid.head <= baseline.fid.head * 1.02 - 0.5")
	f.Add("loss >= -1e-3")
	f.Add("0 <= baseline.")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConstraint(text)
		if err != nil {
			return
		}
		again, err := ParseConstraint(c.String())
		require.NoErrorf(t, err, "%q from %q", c, text)
		require.Equal(t, c, again)
	})
}

// trial is a completed one with a loss.
func trial(number int, kind Kind, weight, loss float64) Trial {
	return Trial{
		Assignment: Assignment{Number: number, Kind: kind, Params: Params{ParamInfonceWeight: Number(weight)}},
		Status:     StatusCompleted, LossLast: loss,
	}
}

// The baseline's losses 1, 2, 3 have mean 2 and standard deviation 1, so that the
// mean's standard error is 1/sqrt 3.
func TestConstraintLimit(t *testing.T) {
	baseline := []Trial{trial(0, KindBaseline, 0, 1), trial(1, KindBaseline, 0, 2), trial(2, KindBaseline, 0, 3), trial(3, KindSearch, 1, 90)}
	failed := trial(4, KindBaseline, 0, 50)
	failed.Status = StatusFailed
	relative := Constraint{Metric: "loss", Op: "<=", Baseline: "loss", Factor: -1.5, Offset: 1}
	limit, ok := relative.Limit(append(baseline, failed))
	require.True(t, ok)
	require.InDelta(t, -2, limit.Mean, 1e-12)
	require.InDelta(t, 1.5*0.5773502691896258, limit.StdDev, 1e-12)

	limit, ok = relative.Limit(baseline[1:2])
	require.True(t, ok)
	require.Equal(t, Estimate{Mean: -2}, limit)
	_, ok = relative.Limit(baseline[3:])
	require.False(t, ok)
	limit, ok = Constraint{Metric: "loss", Op: "<=", Offset: 7}.Limit(nil)
	require.True(t, ok)
	require.Equal(t, Estimate{Mean: 7}, limit)
}

func TestFeasibility(t *testing.T) {
	three := []Trial{trial(0, KindBaseline, 0, 1), trial(1, KindBaseline, 0, 2), trial(2, KindBaseline, 0, 3)}
	one := []Trial{trial(0, KindBaseline, 0, 2)}
	relative, absolute := "loss <= baseline.loss + 1", "loss <= 3"
	// Of one trial the standard error of relative is sqrt(1/3 + 1) = 1.155, that of
	// absolute 1; of four trials sqrt(1/3 + 1/4) = 0.764 and 0.5.
	for _, c := range []struct {
		name       string
		constraint []string
		baseline   []Trial
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
			spec := &Spec{}
			for _, text := range c.constraint {
				constraint, err := ParseConstraint(text)
				require.NoError(t, err)
				spec.Constraints = append(spec.Constraints, constraint)
			}
			ledger := append([]Trial{}, c.baseline...)
			for i, loss := range c.losses {
				ledger = append(ledger, trial(10+i, KindSearch, 0.5, loss), trial(20+i, KindSearch, 0.7, 1e6))
			}
			at := ledger[len(c.baseline)]
			got, ok := spec.Feasibility(at, ledger)
			require.True(t, ok)
			require.Equal(t, c.want, got)
			if len(c.losses) == 1 {
				got, ok = spec.Feasibility(at, c.baseline)
				require.True(t, ok, "a trial that the ledger has not yet")
				require.Equal(t, c.want, got)
			}
			at.Status, at.Number = StatusFailed, 30
			_, ok = spec.Feasibility(at, c.baseline)
			require.Equal(t, len(c.constraint) == 0, ok, "nothing is known of it")
		})
	}
}
