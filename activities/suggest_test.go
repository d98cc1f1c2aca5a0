package activities_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
)

func gridSpec() sweep.Spec {
	return sweep.Spec{
		Name: "s", Method: sweep.MethodGrid, Train: sweep.Train{Seed: 9},
		Parameters: []sweep.Parameter{{
			Name: "infonce.weight", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Number(0), sweep.Number(1)},
		}},
		Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
	}
}

func TestSuggest(t *testing.T) {
	b := newBench(t)
	suggest := func(in activities.SuggestInput) (activities.SuggestResult, error) {
		var result activities.SuggestResult
		value, err := b.env.ExecuteActivity(b.Suggest, in)
		if err == nil {
			err = value.Get(&result)
		}
		return result, err
	}
	one, err := suggest(activities.SuggestInput{Count: 1, Spec: gridSpec(), Number: 3, Index: 1})
	require.NoError(t, err)
	require.Len(t, one.Assignments, 1)
	first := one.Assignments[0]
	require.Equal(t, 3, first.Number)
	require.Equal(t, sweep.KindSearch, first.Kind)
	require.Equal(t, int64(9), first.Seed)
	require.Equal(t, sweep.Params{"infonce.weight": sweep.Number(1)}, first.Params)
	require.Zero(t, *first.Reason.Seen, "an empty ledger is something to have seen, too")

	both := []sweep.Assignment{{Number: 2, Kind: sweep.KindSearch, Seed: 9, Params: sweep.Params{"infonce.weight": sweep.Number(0)}}, first}
	over, err := suggest(activities.SuggestInput{Count: 3, Spec: gridSpec(), Pending: both, Number: 4, Index: 2})
	require.NoError(t, err)
	require.True(t, over.Exhausted)

	repeated := gridSpec()
	repeated.Repeats = &sweep.Repeats{Seeds: []int64{10}, Share: 0.5}
	wait, err := suggest(activities.SuggestInput{Count: 2, Spec: repeated, Pending: both, Number: 4, Index: 2})
	require.NoError(t, err)
	require.Equal(t, activities.SuggestResult{Wait: true}, wait)

	_, err = suggest(activities.SuggestInput{Spec: gridSpec(), Segments: 1})
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, "transient", application.Type(), "a ledger that cannot be read may be read later")
}

// A spec's earlier sweeps are read up to the segments that it names.
func TestSuggestFromEarlierSweeps(t *testing.T) {
	b := newBench(t)
	old := gridSpec()
	old.Name = "old"
	ended := func(number int, weight float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Seed: 9, Params: sweep.Params{"infonce.weight": sweep.Number(weight)}},
			Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 1}}}
	}
	b.archive.Keep(&old, []sweep.Trial{ended(0, 0)}, []sweep.Trial{ended(1, 1)})
	suggest := func(segments int) (result activities.SuggestResult, err error) {
		spec := gridSpec()
		spec.From = []sweep.Earlier{{Sweep: "old", Segments: segments}}
		value, err := b.env.ExecuteActivity(b.Suggest, activities.SuggestInput{Count: 1, Spec: spec})
		if err == nil {
			err = value.Get(&result)
		}
		return result, err
	}
	one, err := suggest(1)
	require.NoError(t, err)
	require.Equal(t, sweep.Params{"infonce.weight": sweep.Number(1)}, one.Assignments[0].Params, "the other one was trained before")
	require.Equal(t, "configuration 2 of 2; 1 results of sweep old count as its own", one.Assignments[0].Reason.Note)
	two, err := suggest(2)
	require.NoError(t, err)
	require.True(t, two.Exhausted)
	_, err = suggest(3)
	require.ErrorContains(t, err, "from: sweep old: ")
}

// An earlier sweep is read once for a spec, and again for another one.
func TestSuggestRemembersEarlierSweeps(t *testing.T) {
	b := newBench(t)
	spec := b.learns(40)
	suggest := func(spec sweep.Spec) sweep.Assignment {
		value, err := b.env.ExecuteActivity(b.Suggest, activities.SuggestInput{Count: 1, Spec: spec})
		require.NoError(t, err)
		var result activities.SuggestResult
		require.NoError(t, value.Get(&result))
		return result.Assignments[0]
	}
	first := suggest(spec)
	require.Equal(t, first, suggest(spec))
	require.Equal(t, 1, b.archive.EarlierRead())
	spec.Parameters[0].Max = 0.5
	require.NotEqual(t, first.Params, suggest(spec).Params, "what was remembered is of another space")
	require.Equal(t, 2, b.archive.EarlierRead())
	spec.From[0].Identity = "another.1"
	suggest(spec)
	require.Equal(t, 3, b.archive.EarlierRead(), "what was remembered is of another sweep of the name")
	b.archive.Fail("CheckEarlier", errors.New("removed"))
	_, err := b.env.ExecuteActivity(b.Suggest, activities.SuggestInput{Count: 1, Spec: spec})
	require.ErrorContains(t, err, "from: sweep old: removed")
}

// learns keeps an earlier sweep of n trials, and returns the spec of one that has it as a prior.
func (b *bench) learns(n int) sweep.Spec {
	old := gridSpec()
	old.Name, old.Method = "old", sweep.MethodBayes
	old.Parameters = []sweep.Parameter{
		{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1},
		{Name: "alignment.weight", Distribution: sweep.DistUniform, Max: 1},
	}
	var trials []sweep.Trial
	for k := range n {
		x, y := math.Mod(float64(k)*0.618, 1), math.Mod(float64(k)*0.755, 1)
		trials = append(trials, sweep.Trial{
			Assignment: sweep.Assignment{Number: k, Kind: sweep.KindSearch, Seed: 9, Params: sweep.Params{"infonce.weight": sweep.Number(x), "alignment.weight": sweep.Number(y)}},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 20 + math.Hypot(x-0.7, y-0.2)}},
		})
	}
	b.archive.Keep(&old, trials)
	spec := old
	spec.Name, spec.Train.Steps = "new", 7
	spec.Parameters = slices.Clone(old.Parameters)
	spec.From = []sweep.Earlier{{Sweep: "old", Segments: 1}}
	return spec
}

// BenchmarkSuggestFromEarlierSweeps is a suggestion by a model whose mean is that of an
// earlier sweep of 300 trials.
func BenchmarkSuggestFromEarlierSweeps(b *testing.B) {
	bench := &bench{archive: activitiestest.NewArchive()}
	acts := &activities.Activities{Archive: bench.archive}
	spec := bench.learns(300)
	trials, err := bench.archive.Ledger(b.Context(), "old", 1)
	require.NoError(b, err)
	require.NoError(b, bench.archive.AppendSegment(b.Context(), "new", 0, trials[:12]))
	for b.Loop() {
		_, err := acts.Suggest(b.Context(), activities.SuggestInput{Count: 1, Spec: spec, Segments: 1, Number: 12, Index: 12})
		require.NoError(b, err)
	}
}
