package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

var epoch = time.Unix(0, 0).UTC()

func begin(spec *sweep.Spec) *Trial {
	spec.Name, spec.Train = "s", sweep.Train{Steps: 900, Seed: 1}
	t := New(spec, sweep.Assignment{Number: 1, Kind: sweep.KindSearch, Seed: 1}, epoch)
	t.Step(epoch, Begun{})
	return t
}

func preempted(step int) Trained {
	a := Attempt{Seconds: 1, Step: step}
	if step > 0 {
		a.Checkpoint = fmt.Sprintf("step-%d", step)
	}
	return Trained{Outcome: sweep.OutcomePreempted, Step: step, Attempt: a}
}

func last(actions []Action) Action {
	if len(actions) == 0 {
		return nil
	}
	return actions[len(actions)-1]
}

// waited completes a Wait, if that is what follows.
func waited(t *Trial, actions []Action) Action {
	if _, ok := last(actions).(Wait); ok {
		actions = t.Step(epoch, Waited{})
	}
	return last(actions)
}

// A step forward counts although the attempt after it was blocked. (Seed 335127 of
// TestSimulation.)
func TestBlockedAttemptKeepsTheStepForward(t *testing.T) {
	trial := begin(&sweep.Spec{EarlyTerminate: &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}})
	for range 9 { // InARow is 10
		require.IsType(t, Train{}, waited(trial, trial.Step(epoch, preempted(0))))
	}
	trial.Step(epoch, Trained{Outcome: sweep.OutcomeDone, Step: 100, Attempt: Attempt{Checkpoint: "step-100", Step: 100}})
	trial.Step(epoch, Evaluated{})
	require.IsType(t, Train{}, last(trial.Step(epoch, Verdict{conduct.RungVerdict{Step: 100, Verdict: stopping.Verdict{Decision: stopping.Continue}}})))
	require.IsType(t, Train{}, waited(trial, trial.Step(epoch, Failed{Failure: sweep.Failure{Class: sweep.FailTransient}, Blocked: block.Unreachable})))

	require.IsType(t, Train{}, waited(trial, trial.Step(epoch, preempted(100))), "it is the first one in a row since step 100")
	require.Nil(t, trial.Result.Error)
}

// After MaxAttempts a failure is final, also in the evaluation that follows.
func TestMaxAttempts(t *testing.T) {
	trial := begin(&sweep.Spec{})
	for attempt := 1; attempt < MaxAttempts; attempt++ {
		require.IsType(t, Train{}, waited(trial, trial.Step(epoch, preempted(attempt))))
	}
	done := Trained{Outcome: sweep.OutcomeDone, Step: 900, Attempt: Attempt{Checkpoint: "step-900", Step: 900}}
	require.IsType(t, Evaluate{}, last(trial.Step(epoch, done)))
	require.IsType(t, Publish{}, waited(trial, trial.Step(epoch, Failed{Failure: sweep.Failure{Class: sweep.FailPreempted}})))
	require.Equal(t, sweep.StatusFailed, trial.Result.Status)
}

// A trainer that is asked to stop before its first step stores a checkpoint of step 0.
func TestCheckpointOfStepZero(t *testing.T) {
	trial := begin(&sweep.Spec{})
	trial.Step(epoch, Trained{Outcome: sweep.OutcomePreempted, Attempt: Attempt{Checkpoint: "step-0"}})
	require.Equal(t, "step-0", trial.Result.Checkpoint)
}

// The time of GiveUpIn is over, whatever the clock of the server shows since.
func TestGiveUpDoesNotDependOnTheClock(t *testing.T) {
	trial := begin(&sweep.Spec{})
	trial.Step(epoch, Cancelled{})
	require.IsType(t, Publish{}, last(trial.Step(epoch, Failed{Failure: sweep.Failure{Class: sweep.FailPreempted}})))
	now := epoch.Add(PublishGrace - time.Millisecond)
	require.Empty(t, trial.Step(now, GivenUp{}))
	actions := trial.Step(now, Failed{Failure: sweep.Failure{Class: sweep.FailPreempted, Message: "the attempt was cancelled"}})
	require.IsType(t, End{}, last(actions), "%T", last(actions))
}

// After End nothing is left to do.
func TestNoActionFollowsEnd(t *testing.T) {
	trial := begin(&sweep.Spec{})
	trial.Step(epoch, Trained{Outcome: sweep.OutcomeDiverged})
	require.Equal(t, []Action{End{Report: true}}, trial.Step(epoch, Published{Trial: trial.Result}))
	require.Empty(t, trial.Step(epoch, Cancelled{}))
}
