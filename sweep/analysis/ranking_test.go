package analysis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func completed(number int, tail, head float64) sweep.Trial {
	return sweep.Trial{Assignment: sweep.Assignment{Number: number}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": tail, "fid.head": head}}}
}

func numbers(trials []sweep.Trial) []int {
	list := []int{}
	for _, t := range trials {
		list = append(list, t.Number)
	}
	return list
}

var headAndTail = &sweep.Spec{Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}}}

func TestRank(t *testing.T) {
	failed := completed(9, 0, 0)
	failed.Status = sweep.StatusFailed
	trials := []sweep.Trial{
		completed(5, 2, 3), completed(4, 2, 3), completed(3, 2, 1), completed(2, 1, 9), failed,
		completed(6, math.NaN(), 1), completed(7, math.Inf(-1), 1),
		{Assignment: sweep.Assignment{Number: 8}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": 1}}},
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
	a.LossLast, b.LossLast = new(0.1), new(0.2)
	a.Steps, a.TrainTime, b.Steps, b.TrainTime = 100, 10, 100, 5
	trials := []sweep.Trial{a, b}
	require.Equal(t, []int{1, 0}, numbers(Rank(headAndTail, trials, "label_accuracy.all")))
	require.Equal(t, []int{0, 1}, numbers(Rank(headAndTail, trials, sweep.MetricLoss)))
	require.Equal(t, []int{1, 0}, numbers(Rank(headAndTail, trials, sweep.MetricStepsPerSecond)))
}

// seeded is a completed trial of a configuration x, trained with a seed.
func seeded(number int, x float64, seed int64, tail, head float64) sweep.Trial {
	t := completed(number, tail, head)
	t.Params, t.Seed, t.Kind = sweep.Params{"x": sweep.Number(x)}, seed, sweep.KindSearch
	return t
}

// A lucky seed does not make a configuration the best, and its trials stay together.
func TestRankByTheMeanOverSeeds(t *testing.T) {
	spec := *headAndTail
	spec.Train.Seed = 1
	trials := []sweep.Trial{
		seeded(4, 0.4, 2, 1, 0), seeded(1, 0.1, 1, 4, 0), seeded(2, 0.4, 1, 9, 0), seeded(3, 0.3, 1, 6, 0), seeded(0, 0.2, 7, 4, 0),
	}
	stopped := seeded(5, 0.1, 2, 0, 0)
	stopped.Status = sweep.StatusStopped
	trials = append(trials, stopped)
	require.Equal(t, []int{4, 0, 1, 3, 2}, numbers(Rank(&spec, trials, "")), "nobody asked for repeats: each by itself")
	require.Equal(t, []int{4, 0, 1, 3, 2}, numbers(ByMetrics(&spec, trials)))
	require.True(t, spec.RanksAlone())
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2}, Share: 0.5}
	require.Equal(t, []int{0, 1, 2, 4, 3}, numbers(Rank(&spec, trials, "")), "the mean of 2 and 4 is 5; train.seed first")
	require.Equal(t, []int{0, 1, 2, 3}, numbers(Distinct(&spec, Rank(&spec, trials, ""))))
	require.Len(t, Distinct(headAndTail, Rank(headAndTail, trials, "")), 5)
	require.False(t, spec.RanksAlone())
	points := Configurations(&spec, trials, "")
	require.Len(t, points, 4)
	require.Equal(t, 2, points[2].Mean.Number)
	require.InDelta(t, 5, points[2].Mean.Metrics["fid.tail"], 1e-12)
	require.InDelta(t, 9, trials[2].Metrics["fid.tail"], 0, "the argument stays as it was")
	require.Equal(t, []int{0, 1, 2}, numbers(Pareto(&spec, []sweep.Trial{trials[4], trials[1], seeded(2, 0.4, 1, 9, -1), trials[0]})), "a front of means")
}

// constrained asks for a head that is no more than 2 % worse than the baseline's.
func constrained(t *testing.T, constraint string) *sweep.Spec {
	c, err := sweep.ParseConstraint(constraint)
	require.NoError(t, err)
	spec := *headAndTail
	spec.Constraints = []sweep.Constraint{c}
	return &spec
}

func baseline(number int, seed int64, tail, head float64) sweep.Trial {
	t := seeded(number, -1, seed, tail, head)
	t.Kind = sweep.KindBaseline
	return t
}

func TestRankPutsFeasibleTrialsFirst(t *testing.T) {
	spec := constrained(t, "fid.head <= baseline.fid.head + 5")
	trials := []sweep.Trial{
		baseline(0, 1, 50, 9), baseline(1, 2, 52, 11), // limit 15, standard error of a trial against it sqrt(1 + 2)
		seeded(2, 0.2, 1, 10, 30), seeded(3, 0.3, 1, 30, 8), seeded(4, 0.4, 1, 20, 16), seeded(5, 0.5, 1, 40, 7),
	}
	require.Equal(t, []int{3, 5, 0, 1, 4, 2}, numbers(Rank(spec, trials, "")))
	points := Configurations(spec, trials, "fid.head")
	require.Equal(t, []Feasibility{Feasible, Feasible, Feasible, Undecided, Infeasible},
		[]Feasibility{points[0].Feasibility, points[1].Feasibility, points[2].Feasibility, points[3].Feasibility, points[4].Feasibility})
	require.Equal(t, []int{5, 3, 0, 4, 2}, []int{points[0].Mean.Number, points[1].Mean.Number, points[2].Mean.Number, points[3].Mean.Number, points[4].Mean.Number})
	best, ok := Best(spec, trials, "fid.head")
	require.True(t, ok)
	require.Equal(t, 5, best.Number)

	require.Equal(t, []int{3, 5, 4}, numbers(Pareto(spec, trials)), "the undecided one beats nobody, and no feasible one beats it")
	require.Equal(t, []int{3, 5, 4}, numbers(Pareto(spec, append(trials, seeded(6, 0.6, 1, 21, 17)))), "an undecided one beats another")
	require.Equal(t, []int{6}, numbers(Pareto(spec, append(trials, seeded(6, 0.6, 1, 20, 7)))), "a feasible one beats it")
	require.Equal(t, []int{2, 4, 3, 5}, numbers(Pareto(headAndTail, trials)))
	hopeless := constrained(t, "fid.head <= 1")
	require.Equal(t, []int{2, 4, 3, 5}, numbers(Pareto(hopeless, trials[2:])), "all are infeasible")

	// Until the baseline has a result nothing is decided.
	require.Equal(t, Undecided, Configurations(spec, trials[2:], "")[0].Feasibility)
}

func TestSlotHours(t *testing.T) {
	a, b := completed(0, 4, 1), completed(1, 6, 1)
	a.TrainTime, a.EvalTime, b.TrainTime = 3000, 600, 1800
	diverged := sweep.Trial{Assignment: sweep.Assignment{Number: 3}, Status: sweep.StatusDiverged, TrainTime: 900}
	require.Equal(t, 1.75, SlotHours([]sweep.Trial{a, b, diverged}))
}
