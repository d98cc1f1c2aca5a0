package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// A worker of an older build drops the fields of a spec that it does not know, and computes
// another digest.
func TestAnOlderBuildRefusesAJob(t *testing.T) {
	b := newBench(t)
	b.Build = "v1 (commit 111)"
	in := input(0, 1)
	in.Digest, in.Owner.Build = "of a spec with one more field", "v2 (commit 222)"
	ref := b.archive.Store(0, 1, 300, false)
	_, trainErr := b.train(in)
	_, evaluateErr := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: in.Task, Checkpoint: ref})
	for _, err := range []error{trainErr, evaluateErr} {
		requireTurnedAway(t, err, block.WrongBuild, "v1 (commit 111)", "v2 (commit 222)")
	}
	require.Empty(t, b.trainer.Jobs())
	require.Empty(t, b.trainer.Evaluations())
	b.requireEmptyStaging(t)

	in.Digest = in.Spec.Digest()
	result, err := b.train(in)
	require.NoError(t, err)
	require.Equal(t, b.Build, result.Build)
}

// requireTurnedAway checks that an attempt is blocked, and that nothing of it counts.
func requireTurnedAway(t *testing.T, err error, reason block.Reason, texts ...string) {
	t.Helper()
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, string(reason), refused.Type())
	require.False(t, refused.NonRetryable())
	for _, text := range texts {
		require.ErrorContains(t, err, text)
	}
	var last activities.Heartbeat
	require.NoError(t, refused.Details(&last))
	require.Empty(t, last.Stage, "its time is not the trial's")
}

func TestAWorkerOfAnotherStoreRefusesAJob(t *testing.T) {
	b := newBench(t)
	b.archive.Fail("For", blocked(block.WrongStore))
	_, err := b.train(input(0, 1))
	requireTurnedAway(t, err, block.WrongStore)
	_, err = b.env.ExecuteActivity(b.Suggest, activities.SuggestInput{})
	require.ErrorContains(t, err, "wrong_store", "no results are read from it, either")
	require.Empty(t, b.trainer.Jobs())
}

func TestAStoreThatRefusesAWorkerTurnsItsJobsAway(t *testing.T) {
	for _, reason := range []block.Reason{block.Clock, block.NoBucket} {
		b := newBench(t)
		b.archive.Fail("For", blocked(reason))
		_, err := b.train(input(0, 1))
		requireTurnedAway(t, err, reason)
		require.Empty(t, b.trainer.Jobs())
	}
}

func TestASweepThatLostItsNameTrainsNothing(t *testing.T) {
	b := newBench(t)
	b.archive.Fail("Owns", blocked(block.NotOwner))
	_, err := b.train(input(0, 1))
	requireTurnedAway(t, err, block.NotOwner)
	require.Empty(t, b.trainer.Jobs())
}

// A worker that was stopped gets a job that was on its way to it, when another one has
// finished the trial.
func TestAnAttemptThatWasGivenUpBeforeItBeganStoresNothing(t *testing.T) {
	b := newBench(t)
	b.HeartbeatEvery = time.Microsecond // every job is older
	executions := &activitiestest.Executions{GaveUp: true}
	b.Executions = executions
	_, err := b.train(input(0, 1))
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, string(sweep.FailLost), refused.Type())
	require.Empty(t, b.trainer.Jobs())
	require.Empty(t, b.archive.Keys())

	executions.GaveUp = false
	_, err = b.train(input(0, 1))
	require.NoError(t, err)
}
