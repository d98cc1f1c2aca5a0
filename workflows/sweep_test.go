package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestSweepRunsAGridToItsEnd(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(0)}, Seeds: []int64{7, 8}}
	p, err := r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)

	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, "every configuration was tried", p.Message)
	require.Equal(t, 6, p.Planned)
	require.Equal(t, 6, p.Finished)
	require.Equal(t, map[sweep.Status]int{sweep.StatusCompleted: 6}, p.Counts)
	require.Empty(t, p.Running)
	require.NotNil(t, p.EndedAt)
	require.Equal(t, 5, p.Best.Number)
	require.Equal(t, 97.0, p.Best.Metrics["fid.tail"])

	ledger := r.archive.Trials()
	require.ElementsMatch(t, []int{0, 1, 2, 3, 4, 5}, numbers(ledger))
	for _, trial := range ledger {
		require.Equal(t, sweep.StatusCompleted, trial.Status)
		require.Equal(t, 1, trial.Attempts)
		require.Equal(t, 300, trial.Steps)
		require.Equal(t, "fake", trial.Backend)
		require.Positive(t, trial.TrainTime)
		require.Equal(t, activitiestest.Metrics(trial.Assignment), trial.Metrics)
		require.Equal(t, map[string]float64{"fid.tail": activitiestest.Floor}, trial.Floor)
		require.Equal(t, activitiestest.Features, trial.Features)
		if trial.Number < 2 {
			require.Equal(t, sweep.KindBaseline, trial.Kind)
			require.Equal(t, spec.Baseline.Seeds[trial.Number], trial.Seed)
		}
	}
	require.Equal(t, []int{5}, r.archive.Best())
	require.Equal(t, []string{activitiestest.Key(5, 1, 300)}, r.archive.Keys(), "only the best trial's final checkpoint is kept")
	states := r.recorder.States()
	require.False(t, states[len(states)-1].Active)
	require.True(t, states[0].Active)
}

// A grid that is used up may still have repeats to come: of the configurations that the
// pending trials leave undecided.
func TestSweepRepeatsConfigurationsOfAGridThatIsUsedUp(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.MaxConcurrentTrials = 4
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
	p, err := r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	require.Equal(t, "every configuration was tried", p.Message)

	seeds := make(map[string][]int64)
	for _, trial := range r.archive.Trials() {
		seeds[trial.Params.Key()] = append(seeds[trial.Params.Key()], trial.Seed)
	}
	require.Len(t, seeds, 4)
	repeated := 0
	for _, s := range seeds {
		require.Contains(t, s, spec.Train.Seed)
		if len(s) > 1 {
			require.Contains(t, s, int64(2))
			repeated++
		}
	}
	require.GreaterOrEqual(t, repeated, 3, "those that show the noise")
}

// Trials 4 and 5 have the best tails, and an fid.all further below the baseline's
// than the constraint allows. The leaders do not have the baseline; the ledger does.
func TestSweepLeadsWithWhatKeepsTheConstraints(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(0)}, Seeds: []int64{7, 8}}
	c, err := sweep.ParseConstraint("fid.all >= baseline.fid.all - 0.7")
	require.NoError(t, err)
	spec.Constraints = []sweep.Constraint{c}
	p, err := r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseCompleted, p.Phase)
	ledger := r.archive.Trials()
	require.Equal(t, analysis.Rank(&spec, ledger, "")[0].Number, p.Best.Number)
	require.Equal(t, 3, p.Best.Number)
	require.Equal(t, []int{3}, r.archive.Best())
	require.ElementsMatch(t, []string{activitiestest.Key(3, 1, 300), activitiestest.Key(0, 1, 300)}, r.archive.Keys(), "of the best one and of a spare")
}

// The first seed of trial 3's configuration is the best result of all; its other seeds
// are so bad that the second in order is the best configuration in the end.
func TestSweepKeepsTheCheckpointOfASpareThatComesBack(t *testing.T) {
	r := newRig(t)
	spec := gridSpec(4)
	spec.Metrics = spec.Metrics[:1]
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
	r.trainer.Metrics = func(a sweep.Assignment) map[string]float64 {
		m := activitiestest.Metrics(a)
		if a.Params["infonce.weight"] == sweep.Number(3) && a.Seed != spec.Train.Seed {
			m["fid.tail"] += 1000
		}
		return m
	}
	p, err := r.sweep(SweepInput{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	ledger := r.archive.Trials()
	ranked := analysis.Distinct(&spec, analysis.Rank(&spec, ledger, ""))
	require.NotEqual(t, 3, ranked[0].Number)
	require.Equal(t, []int{ranked[0].Number}, r.archive.Best())
	require.Equal(t, ranked[0].Number, p.Best.Number)
	require.Contains(t, r.archive.Keys(), ranked[0].Checkpoint)
	require.Len(t, r.archive.Keys(), 2)
}
