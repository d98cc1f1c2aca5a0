package progress

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// halfway is a FAKE sweep with two trials finished, one failed and three running.
func halfway() View {
	began := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	metrics := func(head, tail float64) map[string]float64 {
		return map[string]float64{"fid.head": head, "fid.tail": tail, "loss": 0.0514}
	}
	running := func(number int, p sweep.Params) conduct.Running {
		return conduct.Running{Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: p}, StartedAt: began}
	}
	finished := func(number int, status sweep.Status, p sweep.Params, m map[string]float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: p}, Status: status, Evaluation: sweep.Evaluation{Metrics: m}}
	}
	failed := finished(2, sweep.StatusFailed, clitest.Weights(3, 0), nil)
	failed.Error = &sweep.Failure{Class: sweep.FailOutOfMemory, Message: "the kernel killed the child for memory\nsecond line"}
	return View{
		Spec: &sweep.Spec{Name: "fashion-lt", Dataset: sweep.Dataset{Name: sweep.FashionMNIST10k, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}, Evaluate: sweep.Evaluate{SamplesPerClass: 100}, Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "loss", Goal: sweep.Minimize}}},
		Progress: conduct.Progress{
			Name: "fashion-lt", Phase: conduct.PhaseRunning, Planned: 12, Finished: 3,
			Counts:    map[sweep.Status]int{sweep.StatusCompleted: 2, sweep.StatusFailed: 1},
			Running:   []conduct.Running{running(3, clitest.Weights(0.1, 1)), running(4, clitest.Weights(0, 0.0123456)), running(5, nil)},
			Best:      &conduct.BestTrial{Number: 1, Params: clitest.Weights(0.1, 0), Metrics: metrics(31.2, 58.9)},
			StartedAt: began,
		},
		Finished: []sweep.Trial{
			finished(0, sweep.StatusCompleted, clitest.Weights(0, 0), metrics(30.11, 66.6)),
			finished(1, sweep.StatusCompleted, clitest.Weights(0.1, 0), metrics(31.2, 58.9)),
			failed,
		},
		Live: map[int]LiveTrial{
			3: {Stage: StageTraining, Step: 600, Steps: 1200, Loss: new(0.0712), StepsPerSecond: 33.3, Attempt: 2},
			4: {Stage: stageEvaluating, Trained: true, Step: 3, Steps: 10},
		},
		Now: began.Add(10 * time.Minute),
	}
}

func TestViewRender(t *testing.T) {
	paused := halfway()
	paused.Progress.Phase = conduct.PhasePaused
	paused.Progress.Running = nil
	paused.Notice = "no answer, trying again (is the stack up? `tailsweep status`): connection refused"
	ended := halfway()
	end := ended.Now
	ended.Progress.Phase, ended.Progress.EndedAt, ended.Progress.Running = conduct.PhaseFailed, &end, nil
	ended.Progress.Message = "3 trials in a row failed the same way"
	ended.Now = end.Add(time.Hour)
	for name, c := range map[string]struct {
		view   View
		width  int
		colour bool
	}{
		"running-wide.txt":   {halfway(), 120, false},
		"running-narrow.txt": {halfway(), 40, false},
		"running-colour.txt": {halfway(), 100, true},
		"paused-notice.txt":  {paused, 80, false},
		"failed.txt":         {ended, 100, false},
		"empty.txt":          {View{Progress: conduct.Progress{Name: "new", Phase: conduct.PhaseRunning}, Now: end}, 80, false},
	} {
		t.Run(name, func(t *testing.T) {
			lines := c.view.render(c.width, c.colour)
			for _, line := range lines {
				require.LessOrEqual(t, text.Width(line), c.width, line)
				require.NotContains(t, line, "\n")
			}
			clitest.Golden(t, name, strings.Join(lines, "\n")+"\n")
		})
	}
}

// A terminal of 80 columns shows what differs between the trials, and the time left.
func TestViewOf80Columns(t *testing.T) {
	v := halfway()
	params := func(t2h float64) sweep.Params {
		p := clitest.Weights(0.1, 0)
		p["infonce.temperature"], p["t2h.weight"], p["train.ema_decay"] = sweep.Number(0.07), sweep.Number(t2h), sweep.Number(0.999)
		return p
	}
	v.Progress.Running, v.Finished = v.Progress.Running[:2], nil
	v.Progress.Running[0].Params, v.Progress.Running[1].Params = params(0.2512), params(0.7552)
	v.Progress.Counts = map[sweep.Status]int{sweep.StatusStopped: 1, sweep.StatusDiverged: 1, sweep.StatusFailed: 1}
	v.Progress.Queue, v.Progress.Pinned = make([]sweep.Assignment, 2), []int{1}
	lines := v.render(80, false)
	for _, line := range lines {
		require.LessOrEqual(t, text.Width(line), 80)
	}
	all := strings.Join(lines, "\n")
	require.Contains(t, all, " t2h=0.2512")
	require.Contains(t, all, " t2h=0.7552")
	require.Regexp(t, `about\s+(\d+m\d\ds)\s+left`, all)
}

// describe and watch say the same of a trial that has started.
func TestTrialWaitsSince(t *testing.T) {
	v := halfway()
	r := v.Progress.Running[0]
	began := time.Date(2026, 11, 24, 9, 0, 0, 0, time.Local)
	for want, l := range map[string]LiveTrial{
		"trial 3 is queued since " + r.StartedAt.Local().Format(time.DateTime) + ": alignment.weight=1 infonce.weight=0.1": {Stage: stageQueued},
		"trial 3 is trained, queued since 2026-11-24 09:00:00: alignment.weight=1 infonce.weight=0.1":                      {Stage: stageQueued, Trained: true, Since: began},
		"trial 3 is training #2 since 2026-11-24 09:00:00: alignment.weight=1 infonce.weight=0.1":                          {Stage: StageTraining, Attempt: 2, Since: began},
		"trial 3 is publishing: alignment.weight=1 infonce.weight=0.1":                                                     {Stage: stagePublishing},
		"trial 3 is waiting for the verdict since 2026-11-24 09:00:00: alignment.weight=1 infonce.weight=0.1":              {Stage: stageVerdict, Since: began},
	} {
		v.Live[3] = l
		require.Equal(t, want, v.Trial(r))
	}
}

func TestTextFromOutsideCannotMoveTheCursor(t *testing.T) {
	v := halfway()
	v.Finished[2].Error.Message = "\x1b[2J\x07\u009b31mgone"
	for _, line := range v.render(100, false) {
		require.False(t, strings.ContainsAny(line, "\x1b\x07\u009b"), "%q", line)
	}
}

func TestETA(t *testing.T) {
	v := halfway()
	left, ok := v.ETA()
	require.True(t, ok)
	// 3 finished, 0.425 of trial 3, 0.895 of trial 4: 4.32 of 12 in 10 minutes. The speed counts
	// as half a trial: 2 slots, 3 finished. A trial has 1200 steps, which are 0.85 of its time,
	// at the 33.3 a second of the one that trains.
	const trial = 1200 / 0.85 / 33.3 / 60 // minutes
	require.InDelta(t, (12-4.32)*(10+0.5*trial/2)/(4.32+0.5), left.Minutes(), 0.01)

	// Before a trial has ended, the speed counts as two.
	v.Progress.Finished = 0
	left, ok = v.ETA()
	require.True(t, ok)
	require.InDelta(t, (12-1.32)*(10+trial)/(1.32+2), left.Minutes(), 0.01)
	v.Live = nil
	_, ok = v.ETA()
	require.False(t, ok, "its speed is unknown")

	// The last trial publishes, or waits for a worker after `up`: not "0s left".
	v = halfway()
	v.Progress.Finished, v.Progress.Running = 11, v.Progress.Running[:1]
	v.Live = map[int]LiveTrial{3: {Stage: stagePublishing}}
	_, ok = v.ETA()
	require.False(t, ok)
	v.Live[3] = LiveTrial{Stage: stageEvaluating, Trained: true, Step: 99, Steps: 100}
	require.Contains(t, v.Summary(), "for 10m00s, about a minute left")
	v.Progress.Idle = sweep.Duration(4 * time.Minute)
	require.Contains(t, v.Summary(), "for 6m00s", "without the time between an end and the command that continued the sweep")
	_, ok = LiveTrial{Stage: StageTraining, StepsPerSecond: 1, Step: 100, Steps: 100}.remaining()
	require.False(t, ok, "the last checkpoint is being saved")

	v = halfway()
	v.Progress.Phase = conduct.PhasePaused
	_, ok = v.ETA()
	require.False(t, ok, "a paused sweep has no time left")
	v = halfway()
	v.Progress.Planned = 0
	_, ok = v.ETA()
	require.False(t, ok, "the number of trials is unknown")
}

func TestWaitingIsNotRunning(t *testing.T) {
	v := halfway()
	v.Live[4] = LiveTrial{Stage: stageQueued, Trained: true}
	v.Live[5] = LiveTrial{Stage: stageStarting}
	require.Contains(t, v.Summary(), "2 running, 1 queued")
	require.Contains(t, strings.Join(v.render(120, false), "\n"), "trained, queued")
}

func TestChanges(t *testing.T) {
	now := halfway()
	require.Equal(t, []string{
		"sweep fashion-lt: running",
		"trial 0 completed: fid.head 30.11  fid.tail 66.6  loss 0.0514",
		"trial 1 completed: fid.head 31.2  fid.tail 58.9  loss 0.0514",
		"trial 2 failed: out_of_memory: the kernel killed the child for memory",
		"trial 3 started: alignment.weight=1 infonce.weight=0.1",
		"trial 4 started: alignment.weight=0.01235 infonce.weight=0",
		"trial 5 started: defaults",
	}, changes(View{}, now, false))
	require.Empty(t, changes(now, now, false))
	require.Equal(t, []string{
		"3 of 12 trials, 1 failed, 2 running, 1 running or queued, for 10m00s, about 16m13s left",
		"trial 3 training 600/1200 loss 0.0712, 33.3 steps/s",
		"trial 4 evaluating 3/10",
	}, changes(now, now, true))

	evaluated := halfway()
	evaluated.Progress.Running[0].Verdict = &conduct.RungVerdict{Step: 400, Verdict: stopping.Verdict{Decision: stopping.Continue, Reason: "place 1 of 3"}}
	evaluated.Finished = append(evaluated.Finished, sweep.Trial{
		Assignment: sweep.Assignment{Number: 4}, Status: sweep.StatusStopped, Rungs: []sweep.Rung{{Step: 400, Reason: "place 3 of 3"}},
	})
	require.Equal(t, []string{"trial 4 stopped: place 3 of 3", "trial 3 continues: place 1 of 3"}, changes(now, evaluated, false))
	require.Empty(t, changes(evaluated, evaluated, false))
	evaluated.Progress.Counts[sweep.StatusStopped] = 1
	require.Contains(t, evaluated.Summary(), "3 of 12 trials, 1 stopped, 1 failed")
	require.Contains(t, strings.Join(evaluated.render(120, false), "\n"), "place 3 of 3")

	blocked := halfway()
	blocked.Progress.Blocked = []conduct.Block{{
		Kind: conduct.KindAppend, Doing: "append ledger segment 3", Since: blocked.Now.Add(-3 * time.Minute),
		BlockCause: conduct.BlockCause{Reason: block.NoBucket, Message: "the bucket does not exist\nmore"},
	}}
	text := "blocked for 3m00s: cannot append ledger segment 3 (no_bucket): the bucket does not exist"
	require.Equal(t, []string{text}, changes(now, blocked, false))
	require.Empty(t, changes(blocked, blocked, false))
	require.Equal(t, []string{"no longer blocked"}, changes(blocked, now, false))
	require.Contains(t, blocked.render(120, false), text)
	blocked.Live[3] = LiveTrial{Stage: stagePublishing, Attempt: 7, LastError: "access denied"}
	require.Regexp(t, `3\s+publishing #7\s+access denied`, strings.Join(blocked.render(120, false), "\n"))

	offline := now
	offline.Notice = "no answer"
	require.Equal(t, []string{"no answer"}, changes(now, offline, true))
	require.Empty(t, changes(offline, offline, true), "printed once")
	require.Equal(t, []string{"the sweep continues"}, changes(offline, now, false))
	other := offline
	other.Notice = "waits for a worker"
	require.Equal(t, []string{"waits for a worker"}, changes(offline, other, true), "the cause has changed")

	offline.Notice = "no answer: https://ada:" + strings.Repeat("pass", 40) + "@example.com/bucket"
	require.NotContains(t, strings.Join(offline.render(80, false), "\n"), "pass")
	require.Contains(t, strings.Join(offline.render(80, false), "\n"), "https://***@example.com/bucket")

	waits := now
	waits.Waiting = "1 trial waits for a training slot: 2 of 2 busy"
	require.Equal(t, []string{waits.Waiting}, changes(now, waits, false))
	require.Empty(t, changes(waits, waits, false), "printed once")
	require.Contains(t, waits.render(120, false), waits.Waiting)
}

// What users asked for is shown: trials, pins, and the last change.
func TestViewShowsCommands(t *testing.T) {
	v := halfway()
	before := v
	v.Progress.Queue = []sweep.Assignment{{Params: clitest.Weights(1, 1)}, {Params: clitest.Weights(2, 2)}}
	v.Progress.Pinned = []int{1}
	v.Progress.CommandLog = []conduct.CommandEntry{
		{Number: 1, Command: conduct.CommandExtend, By: "ann", Change: "budget.run_cap 6 -> 12"},
		{Number: 2, Command: conduct.CommandPause, By: "bob"},
	}
	require.Contains(t, v.Summary(), ", 2 requested, 1 pinned, ")
	require.Contains(t, v.render(100, false), "last change: extend by ann: budget.run_cap 6 -> 12")
	require.Contains(t, changes(before, v, false), "extend by ann: budget.run_cap 6 -> 12")
	require.Empty(t, changes(v, v, false))
	ended := v
	ended.Progress.EndedAt = &v.Now
	require.NotContains(t, strings.Join(ended.render(100, false), "\n"), "extend by", "it is older than the end")
	later := v
	later.Progress.CommandLog = append(slices.Clone(v.Progress.CommandLog), conduct.CommandEntry{Number: 3, Command: conduct.CommandStop, By: "bob", Refused: "cannot"})
	require.Equal(t, []string{"stop by bob: refused: cannot"}, changes(v, later, false))
}
