package sweeps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// The answer to a command counts running and queued trials as watch does.
func TestAnswerCountsQueuedTrials(t *testing.T) {
	s := Steered{
		Progress: conduct.Progress{
			Name: "tiny", Phase: conduct.PhaseRunning, Planned: 6, Finished: 1,
			Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 1}}, {Assignment: sweep.Assignment{Number: 2}}},
		},
		live: map[int]progress.LiveTrial{1: {Stage: progress.StageTraining}, 2: {Stage: "queued"}},
	}
	require.Equal(t, []string{"tiny: running, 1 of 6 trials finished, 1 running, 1 queued"}, steeredText("pause", s))
	s.live = nil
	require.Equal(t, []string{"tiny: running, 1 of 6 trials finished, 2 running or queued"}, steeredText("pause", s))
}

// The answer to a retry names the new trials. One that waits for a slot has no number yet.
func TestAnswerToARetry(t *testing.T) {
	ended := func(number int) sweep.Assignment {
		return sweep.Assignment{Number: number, Seed: 1, Params: clitest.Weights(float64(number), 0)}
	}
	again := func(number, request, of int) sweep.Assignment {
		a := ended(of)
		a.Number, a.Request, a.Reason.Sampler = number, request, sweep.SourceRetry
		return a
	}
	p := conduct.Progress{
		Name: "tiny", Phase: conduct.PhaseRunning,
		Running: []conduct.Running{{Assignment: again(7, 1, 2)}, {Assignment: again(9, 3, 12)}, {Assignment: ended(8)}},
		Queue:   []sweep.Assignment{again(0, 4, 2)},
	}
	s := Steered{Progress: p, Retried: retriedAs(p, []sweep.Assignment{ended(2), ended(12), ended(1)})}
	require.Equal(t, []retriedTrial{{Trial: 2}, {Trial: 12, As: new(9)}}, s.Retried)
	require.Equal(t, []string{"trial 2 again: it gets its number when it starts (`tailsweep describe tiny`)", "trial 12 again as trial 9"}, steeredText("retry", s)[:2])
}
