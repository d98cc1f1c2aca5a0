package results

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
)

// best shows how many images a metric was measured on, and its floor.
func TestBestShowsSamplesAndFloor(t *testing.T) {
	best := BestTrial{Trial: trialview.Trial{Trial: sweep.Trial{
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 58.912, "memorised_ratio.medium": 0.01}, Floor: map[string]float64{"fid.tail": 4.25}, FloorError: map[string]float64{"fid.tail": 0.5}, Samples: 50, Real: 1},
	}}}
	lines := bestText(&sweep.Spec{}, best)
	require.Contains(t, lines, "  fid.tail               58.91     floor 4.25 ± 0.98")
	require.Contains(t, lines, "  memorised_ratio.medium 0.01")
	require.Contains(t, lines, "  measured on            50 samples of each class, against 1 real image of the rarest")
}

// With repeats best prints the means by which the trial is the best, and says what the
// constraints say of all trials.
func TestBestShowsMeansAndWhyItIsNotFeasible(t *testing.T) {
	limit, err := sweep.ParseConstraint("coverage.head >= 0.9")
	require.NoError(t, err)
	spec := &sweep.Spec{Constraints: []sweep.Constraint{limit}, Repeats: &sweep.Repeats{}, Metrics: []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}, {Name: sweep.MetricLoss, Goal: sweep.Minimize}}}
	trial := func(number int, tail, loss float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Kind: sweep.KindSearch, Number: number, Seed: int64(number), Params: sweep.Params{"x": sweep.Number(1)}}, Status: sweep.StatusCompleted, Losses: sweep.Losses{LossLast: &loss}, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"kid.tail": tail, "coverage.head": 0.5}}}
	}
	ledger := []sweep.Trial{trial(0, 2, 0.25), trial(1, 4, 0.75)}
	best := BestTrial{Trial: trialview.WithMeans(spec, ledger, ledger[:1], "")[0]}
	lines := bestText(spec, best)
	require.Contains(t, lines, "  kid.tail              2         mean of 2 seeds 3")
	require.Contains(t, lines, "  loss                  0.25      mean of 2 seeds 0.5")
	require.Contains(t, lines, "  constraints           infeasible: no trial is feasible")
}
