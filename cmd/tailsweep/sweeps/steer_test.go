package sweeps

import (
	"testing"

	"github.com/stretchr/testify/require"

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
