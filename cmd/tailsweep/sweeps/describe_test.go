package sweeps

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// describe shows the time left and what blocks the sweep, as watch does.
func TestDescribeShowsRunningTrials(t *testing.T) {
	began := time.Now().Add(-10 * time.Minute)
	v := progress.View{
		Spec: &sweep.Spec{Name: "fashion-lt", Method: sweep.MethodGrid},
		Progress: conduct.Progress{
			Name: "fashion-lt", Phase: conduct.PhaseRunning, Planned: 12, StartedAt: began,
			Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 3}, StartedAt: began}},
			Blocked: []conduct.Block{{
				Kind: conduct.KindRank, Doing: "rank the trials", Since: time.Now().Add(-3 * time.Minute),
				Trouble: conduct.Trouble{Reason: block.NoBucket, Message: "the bucket does not exist"},
			}},
		},
		Live: map[int]progress.LiveTrial{3: {Stage: progress.StageTraining, Step: 600, Steps: 1200, StepsPerSecond: 33.3}},
		Now:  time.Now(),
	}
	lines := strings.Join(describeText(description{Spec: v.Spec, Progress: &v.Progress, live: v.Live}), "\n")
	require.Contains(t, lines, "blocked for 3m00s: cannot rank the trials (no_bucket): the bucket does not exist")
	left, ok := v.ETA()
	require.True(t, ok)
	require.Contains(t, lines, "about "+text.Duration(left)+" left")
}
