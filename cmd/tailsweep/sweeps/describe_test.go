package sweeps

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
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
				BlockCause: conduct.BlockCause{Reason: block.NoBucket, Message: "the bucket does not exist"},
			}},
		},
		Live: map[int]progress.LiveTrial{3: {Stage: progress.StageTraining, Step: 600, Steps: 1200, StepsPerSecond: 33.3}},
		Now:  time.Now(),
	}
	lines := strings.Join(describeText(description{Spec: v.Spec, Progress: &v.Progress, live: v.Live}), "\n")
	require.Contains(t, lines, "blocked for 3m00s: cannot rank the trials (no_bucket): the bucket does not exist")
	require.Contains(t, lines, "trial 3 is training: ")
	waits := description{Spec: v.Spec, Progress: &v.Progress, live: map[int]progress.LiveTrial{3: {Stage: "queued"}}, Waiting: "1 trial waits for a training slot: 2 of 2 busy"}
	require.Contains(t, strings.Join(describeText(waits), "\n"), waits.Waiting+"\ntrial 3 is queued since ")
	require.Contains(t, lines, "slot time of finished trials: 0s")
	left, ok := v.ETA()
	require.True(t, ok)
	require.Contains(t, lines, "about "+text.Duration(left)+" left")

	slot := began.Add(4 * time.Minute)
	v.Live[3] = progress.LiveTrial{Stage: progress.StageTraining, Since: slot}
	lines = strings.Join(describeText(description{Spec: v.Spec, Progress: &v.Progress, live: v.Live}), "\n")
	require.Contains(t, lines, "trial 3 is training since "+slot.Format(time.DateTime), "it waited for a slot before")
	v.Progress.EndedAt = &slot
	lines = strings.Join(describeText(description{Spec: v.Spec, Progress: &v.Progress}), "\n")
	require.Contains(t, lines, "trial 3 has no result, started "+began.Format(time.DateTime))
}

// The spec in the JSON of describe is a spec: a range that begins at 0 has its min.
func TestDescribedSpecIsASpec(t *testing.T) {
	spec, _ := specOf(t)
	require.Zero(t, spec.Parameters[0].Min)
	data, err := json.Marshal(description{Spec: spec, Digest: "d"})
	require.NoError(t, err)
	var got struct {
		Spec   json.RawMessage `json:"spec"`
		Digest string          `json:"digest"`
	}
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, "d", got.Digest)
	again, err := specfile.Parse("described.json", got.Spec)
	require.NoError(t, err)
	require.Equal(t, spec.Digest(), again.Digest())
}

// describe shows the builds that took part.
func TestDescribeShowsBuilds(t *testing.T) {
	d := description{
		Spec: &sweep.Spec{Name: "s", Method: sweep.MethodGrid}, Owner: sweep.Identity{ID: "x", Namespace: "default", Cluster: "c1", Build: "v2 (commit 222)"},
		Builds: builds([]sweep.Trial{{Builds: []string{"v1 (commit 111)", "v2 (commit 222)"}}, {Builds: []string{"v2 (commit 222)"}}, {}}),
	}
	lines := describeText(d)
	require.Contains(t, lines, `started by tailsweep v2 (commit 222) in namespace "default" on Temporal cluster c1`)
	require.Contains(t, lines, "workers of tailsweep v1 (commit 111) took part in 1 trial")
	require.Contains(t, lines, "workers of tailsweep v2 (commit 222) took part in 2 trials")
}

// describe shows what users asked for, and every command with what it changed.
func TestDescribeShowsCommands(t *testing.T) {
	at := time.Date(2026, 11, 30, 8, 0, 0, 0, time.Local)
	p := conduct.Progress{
		Name: "s", Phase: conduct.PhaseRunning, Pinned: []int{3, 5},
		Queue: []sweep.Assignment{{Params: sweep.Params{"infonce.weight": sweep.Number(0.3)}, Reason: sweep.Reason{Sampler: sweep.SourceUser}}},
		CommandLog: []conduct.CommandEntry{
			{At: at, Command: "extend", By: "ann", Change: "budget.run_cap 6 -> 10", Reason: "more"},
			{At: at, Command: "pause", By: "ann", Refused: "cannot pause"},
			{At: at, Command: conduct.EntryEnd, Change: "completed"},
		},
	}
	lines := describeText(description{Spec: &sweep.Spec{Name: "s"}, Progress: &p})
	require.Equal(t, []string{
		"requested by enqueue: infonce.weight=0.3",
		"pinned: trials 3, 5",
		"2026-11-30 08:00:00 extend by ann: budget.run_cap 6 -> 10; more",
		"2026-11-30 08:00:00 pause by ann: refused: cannot pause",
		"2026-11-30 08:00:00 end: completed",
	}, lines[len(lines)-5:])
	p.Pinned = []int{5}
	require.Contains(t, describeText(description{Spec: &sweep.Spec{Name: "s"}, Progress: &p}), "pinned: trial 5")
}
