package sweep

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func completed(number int, tail, head float64) Trial {
	return Trial{Assignment: Assignment{Number: number}, Status: StatusCompleted, Metrics: map[string]float64{"fid.tail": tail, "fid.head": head}}
}

func numbers(trials []Trial) []int {
	list := []int{}
	for _, t := range trials {
		list = append(list, t.Number)
	}
	return list
}

var headAndTail = &Spec{Metrics: []Objective{{Name: "fid.tail", Goal: Minimize}, {Name: "fid.head", Goal: Minimize}}}

func TestRank(t *testing.T) {
	failed := completed(9, 0, 0)
	failed.Status = StatusFailed
	trials := []Trial{
		completed(5, 2, 3), completed(4, 2, 3), completed(3, 2, 1), completed(2, 1, 9), failed,
		completed(6, math.NaN(), 1), completed(7, math.Inf(-1), 1),
		{Assignment: Assignment{Number: 8}, Status: StatusCompleted, Metrics: map[string]float64{"fid.head": 1}},
		completed(1, 3, math.NaN()), completed(0, 3, 7),
	}
	require.Equal(t, []int{2, 3, 4, 5, 0, 1}, numbers(Rank(headAndTail, trials, "")))
	require.Equal(t, []int{3, 6, 7, 8, 4, 5, 0, 2}, numbers(Rank(headAndTail, trials, "fid.head")), "ties by the spec's metrics; a trial without one comes after")
	require.Equal(t, 5, trials[0].Number, "the argument stays as it was")
	require.Empty(t, Rank(headAndTail, trials, "label_accuracy.all"))

	best, ok := Best(headAndTail, trials, "")
	require.True(t, ok)
	require.Equal(t, 2, best.Number)
	_, ok = Best(headAndTail, nil, "")
	require.False(t, ok)
}

func TestRankKnowsTheDirectionOfAMetric(t *testing.T) {
	a, b := completed(0, 1, 1), completed(1, 1, 1)
	a.Metrics["label_accuracy.all"], b.Metrics["label_accuracy.all"] = 0.4, 0.9
	a.LossLast, b.LossLast = 0.1, 0.2
	a.Steps, a.TrainTime, b.Steps, b.TrainTime = 100, 10, 100, 5
	trials := []Trial{a, b}
	require.Equal(t, []int{1, 0}, numbers(Rank(headAndTail, trials, "label_accuracy.all")))
	require.Equal(t, []int{0, 1}, numbers(Rank(headAndTail, trials, MetricLoss)))
	require.Equal(t, []int{1, 0}, numbers(Rank(headAndTail, trials, MetricStepsPerSecond)))
}

func TestPareto(t *testing.T) {
	trials := []Trial{
		completed(0, 5, 1), completed(1, 1, 5), completed(2, 3, 3), completed(3, 3, 4), completed(4, 6, 1), completed(5, 3, 3), completed(6, 0, math.NaN()),
	}
	require.Equal(t, []int{1, 2, 5, 0}, numbers(Pareto(headAndTail, trials)))
	require.Empty(t, Pareto(headAndTail, nil))
}

func TestSlotHours(t *testing.T) {
	a, b := completed(0, 4, 1), completed(1, 6, 1)
	a.TrainTime, a.EvalTime, b.TrainTime = 3000, 600, 1800
	diverged := Trial{Assignment: Assignment{Number: 3}, Status: StatusDiverged, TrainTime: 900}
	require.Equal(t, 1.75, SlotHours([]Trial{a, b, diverged}))
}
