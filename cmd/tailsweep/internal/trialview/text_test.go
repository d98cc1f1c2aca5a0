package trialview

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Tables show the sweep's own metrics, those of training among them, and nothing of FID.
func TestTablesOfASweepWithoutFID(t *testing.T) {
	spec := &sweep.Spec{
		Evaluate: sweep.Evaluate{SamplesPerClass: 100},
		Metrics:  []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}, {Name: "coverage.head", Goal: sweep.Maximize}, {Name: sweep.MetricLoss, Goal: sweep.Minimize}},
	}
	trial := sweep.Trial{Status: sweep.StatusCompleted, Losses: sweep.Losses{LossLast: new(0.25)}, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"kid.tail": 3, "coverage.head": 0.5, "fid.tail": 99}}}
	const want = "coverage.head 0.5  kid.tail 3  loss 0.25"
	require.Equal(t, want, Result(spec, trial))
	require.Equal(t, "trial 3  "+want+"  defaults", Line(spec, 3, spec.Values(trial), nil))
	plain := func(_, s string) string { return s }
	for name, table := range map[string][]string{
		"trials":  Table(spec, WithFeasibility(spec, []sweep.Trial{trial}, []sweep.Trial{trial}), "", nil).Render(200, plain),
		"watch":   Finished(spec, []sweep.Trial{trial}, Params).Render(200, plain),
		"ranking": Ranking(spec, []sweep.Trial{trial}).Render(200, plain),
	} {
		text := strings.Join(table, "\n")
		require.Regexp(t, `COVERAGE\.HEAD +KID\.TAIL +LOSS`, text, name)
		require.Regexp(t, `0\.5 +3 +0\.25`, text, name)
		require.NotContains(t, text, "FID", name)
		require.Equal(t, 1, strings.Count(text, "LOSS"), name)
	}
	require.Empty(t, Result(nil, trial), "a spec that is unknown names no metric")
}

// What differs between trials comes first: tables are cut at their right edge.
func TestShort(t *testing.T) {
	a := sweep.Params{"alignment.weight": sweep.Number(0), "infonce.temperature": sweep.Number(0.07), "infonce.weight": sweep.Number(0.25)}
	b := sweep.Params{"alignment.weight": sweep.Number(0), "infonce.temperature": sweep.Number(0.07), "infonce.weight": sweep.Number(0.75)}
	short := Short([]sweep.Params{a, b})
	require.Equal(t, "infonce=0.25 alignment=0 infonce.temperature=0.07", short(a))
	require.Equal(t, "infonce=0.75 alignment=0 infonce.temperature=0.07", short(b))
	require.Equal(t, "alignment=0 infonce=0.25 infonce.temperature=0.07", Short([]sweep.Params{a})(a))
	short = Short([]sweep.Params{a, nil})
	require.Equal(t, "alignment=0 infonce=0.25 infonce.temperature=0.07", short(a))
	require.Equal(t, "defaults", short(nil))
}
