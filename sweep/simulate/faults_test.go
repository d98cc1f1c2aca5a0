package simulate

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

// once requires that each trial that started is in the ledger once.
func once(t *testing.T, c Result) {
	t.Helper()
	seen := make(map[int]bool)
	for _, trial := range c.Trials {
		require.False(t, seen[trial.Number], "trial %d is in the ledger twice", trial.Number)
		seen[trial.Number] = true
	}
	for n := range c.Trials {
		require.True(t, seen[n], "trial %d is missing", n)
	}
}

func count(c Result, status sweep.Status) (n int) {
	for _, trial := range c.Trials {
		if trial.Status == status {
			n++
		}
	}
	return n
}

func TestPlayWithFailures(t *testing.T) {
	spec := dry()
	spec.Budget.RunCap, spec.MaxRestarts, spec.Checkpoints.EverySteps = 100, 2, 100
	d := func(d *DryRun) { d.Fail, d.Diverge = 0.4, 0.1 }
	c := play(t, spec, d)
	require.Equal(t, conduct.PhaseCompleted, c.Phase)
	require.Equal(t, "budget.run_cap of 100 reached", c.Ended)
	require.Len(t, c.Trials, 102)
	once(t, c)
	require.InDelta(t, 10, count(c, sweep.StatusDiverged), 8)
	require.Positive(t, count(c, sweep.StatusFailed))
	failed, again := 0, 0
	for _, class := range sweep.FailureList() {
		require.Positive(t, c.Failures[class], class)
		failed += c.Failures[class]
	}
	for _, trial := range c.Trials {
		require.Equal(t, trial.Status == sweep.StatusFailed, trial.Error != nil)
		if trial.Error != nil {
			require.False(t, trial.Error.Class == sweep.FailPreempted)
		}
		if trial.Status != sweep.StatusCompleted {
			continue
		}
		again += trial.Attempts - 1
		require.Equal(t, 900, trial.Steps)
		if trial.Attempts == 1 {
			require.InDelta(t, 3, trial.TrainTime/trial.EvalTime, 1e-6)
		} else {
			require.GreaterOrEqual(t, trial.TrainTime/trial.EvalTime, 3-1e-6, "steps since the last checkpoint are trained again")
		}
	}
	require.Positive(t, again)
	require.Greater(t, failed, again)
	require.Equal(t, c, play(t, spec, d), "the same seed gives the same results")
	require.NotEqual(t, c.Trials, play(t, spec, func(x *DryRun) { d(x); x.Seed = 2 }).Trials)
}

func TestPlayWithFailuresAtRungs(t *testing.T) {
	spec := dry()
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}
	spec.Budget.RunCap, spec.MaxRestarts, spec.Checkpoints.EverySteps = 60, 5, 50
	spec.MaxTrialTime = sweep.Duration(30 * time.Minute)
	c := play(t, spec, func(d *DryRun) { d.Fail, d.Diverge = 0.3, 0.2 })
	once(t, c)
	require.Len(t, c.Trials, 62)
	require.Positive(t, count(c, sweep.StatusStopped))
	require.Positive(t, count(c, sweep.StatusDiverged))
}

func TestPlayEndsAfterEqualFailures(t *testing.T) {
	spec := dry()
	c := play(t, spec, func(d *DryRun) { d.Fail, d.Class = 1, sweep.FailBug })
	require.Equal(t, conduct.PhaseFailed, c.Phase)
	require.Regexp(t, `^3 trials in a row failed with bug: simulated failure at step \d+$`, c.Ended, "there are no logs")
	require.Equal(t, map[sweep.FailureClass]int{sweep.FailBug: 3}, c.Failures)
	require.Equal(t, 3, count(c, sweep.StatusFailed))
	require.Equal(t, 3, count(c, sweep.StatusCancelled), "trials that ran then are cancelled")
	once(t, c)

	spec.MaxRestarts = 2
	c = play(t, spec, func(d *DryRun) { d.Fail, d.Class, d.Workers = 1, sweep.FailTransient, 1 })
	require.Equal(t, conduct.PhaseFailed, c.Phase)
	for _, trial := range c.Trials {
		if trial.Status == sweep.StatusFailed {
			require.Equal(t, 3, trial.Attempts, "max_restarts of 2")
		}
	}

	spec.MaxConcurrentTrials = 1
	c = play(t, spec, func(d *DryRun) { d.Fail, d.Class = 1, sweep.FailPreempted })
	require.Contains(t, c.Ended, "3 trials in a row failed with preempted")
	for _, trial := range c.Trials {
		require.Greater(t, trial.Attempts, 12, "max_restarts of 2, and 10; those that move do not count")
		require.Contains(t, trial.Error.Message, "given up: 12 attempts in a row")
	}
}

func TestPlayTakesTimeForALostWorker(t *testing.T) {
	spec := dry()
	spec.Baseline, spec.MaxConcurrentTrials, spec.Budget.RunCap = nil, 1, 1
	run := func(class sweep.FailureClass) Result {
		return play(t, spec, func(d *DryRun) { d.Fail, d.Class = 1, class })
	}
	bug, lost := run(sweep.FailBug), run(sweep.FailLost)
	require.Equal(t, bug.Trials[0].TrainTime, lost.Trials[0].TrainTime, "an equal seed draws an equal step")
	require.Equal(t, lifecycle.HeartbeatTimeout, lost.Wall-bug.Wall)
	require.Equal(t, "every trial failed, the last with lost: "+lost.Trials[0].Error.Message, lost.Ended)
}

func TestPlayFollowsCommands(t *testing.T) {
	at := func(m int, name string) Command { return Command{At: time.Duration(m) * time.Minute, Name: name} }
	with := func(commands ...Command) Result {
		c := play(t, dry(), func(d *DryRun) { d.Commands = commands })
		once(t, c)
		return c
	}
	undisturbed := with()

	c := with(at(120, conduct.CommandResume), at(10, conduct.CommandPause))
	require.Equal(t, conduct.PhaseCompleted, c.Phase)
	require.Len(t, c.Trials, 22)
	require.Greater(t, c.Wall, undisturbed.Wall+time.Hour)
	require.Equal(t, []Command{at(10, conduct.CommandPause), at(120, conduct.CommandResume)}, c.Commands)
	for _, trial := range c.Trials {
		started := trial.StartedAt.Sub(moment(0))
		require.False(t, started > 10*time.Minute && started < 2*time.Hour, "no trial starts while paused")
	}

	c = with(at(10, conduct.CommandPause))
	require.Equal(t, conduct.PhasePaused, c.Phase)
	require.Equal(t, "pause by simulate", c.Ended)
	require.Equal(t, 4, count(c, sweep.StatusCompleted), "running ones finish")

	c = with(at(30, conduct.CommandStop), at(31, conduct.CommandPause), at(9000, conduct.CommandCancel))
	require.Equal(t, conduct.PhaseStopped, c.Phase)
	require.Equal(t, "stop by simulate", c.Ended)
	require.Equal(t, len(c.Trials), count(c, sweep.StatusCompleted))
	require.Less(t, len(c.Trials), 22)
	require.Equal(t, "", c.Commands[0].Refused)
	require.Equal(t, "cannot pause a sweep that is stopping: valid now: cancel, set, pin, unpin", c.Commands[1].Refused)
	require.Equal(t, "cannot cancel a sweep that is stopped: valid now: resume, extend, set, edit, enqueue, retry, pin, unpin", c.Commands[2].Refused)
	require.Less(t, c.Wall, 2*time.Hour, "a command after the end takes no time")

	c = with(at(5, conduct.CommandCancel))
	require.Equal(t, conduct.PhaseCancelled, c.Phase)
	require.Equal(t, 5*time.Minute, c.Wall)
	require.Equal(t, 4, count(c, sweep.StatusCancelled))
	for _, trial := range c.Trials {
		require.InDelta(t, 300, trial.TrainTime, 1e-6)
		require.InDelta(t, 300, trial.Steps, 76, "at a pace of 0.8 to 1.2")
	}

	again := func(m int) Command {
		e := at(m, conduct.CommandRetry)
		e.Trials = []int{0}
		return e
	}
	c = with(at(5, conduct.CommandCancel), again(10), again(11))
	require.Equal(t, "", c.Commands[1].Refused)
	require.Contains(t, c.Commands[2].Refused, "trial 0 is being retried as trial 4: wait until that has ended; if it fails, retry trial 4")

	_, err := Play(dry(), DryRun{Objective: LossWeights, Workers: 1, Step: 1, Sample: 1, Commands: []Command{{Name: "halt"}}})
	require.EqualError(t, err, `simulate: unknown command "halt" (valid: pause, resume, stop, cancel, extend, set, edit, enqueue, retry, pin, unpin)`)
}

// A pin and a retry are refused as those of a real sweep are.
func TestPlayRefusesWhatASweepRefuses(t *testing.T) {
	spec := dry()
	spec.Metrics, spec.Checkpoints.SaveSweepBest, spec.Checkpoints.EverySteps = spec.Metrics[:1], 1, 100
	best := play(t, spec, nil)
	ranked, _ := conduct.Order(spec, best.Trials, numbers(best.Trials))
	name := func(command string, trial int) Command {
		return Command{At: 1000 * time.Hour, Name: command, Command: conduct.Command{Trials: []int{trial}}}
	}
	early := name(conduct.CommandRetry, 3)
	early.At = time.Minute
	c := play(t, spec, func(d *DryRun) {
		d.Commands = []Command{early, name(conduct.CommandPin, ranked[0]), name(conduct.CommandPin, ranked[len(ranked)-1]), name(conduct.CommandPin, 99), name(conduct.CommandRetry, ranked[0])}
	})
	require.Contains(t, c.Commands[0].Refused, `cannot retry sweep "dry": trial 3 is running, or queued for a training slot`)
	require.Empty(t, c.Commands[1].Refused)
	require.Equal(t, fmt.Sprintf(`cannot pin sweep "dry": the checkpoint of trial %d is not in the store: the sweep keeps those of its best trials (checkpoints.save_sweep_best)`, ranked[len(ranked)-1]), c.Commands[2].Refused)
	require.Equal(t, `cannot pin sweep "dry": there is no trial 99 (the sweep has started 22, numbered from 0)`, c.Commands[3].Refused)
	require.Contains(t, c.Commands[4].Refused, fmt.Sprintf(`cannot retry sweep "dry": trial %d is completed`, ranked[0]))

	c = play(t, spec, func(d *DryRun) {
		d.Fail, d.Class, d.Commands = 1, sweep.FailBug, []Command{name(conduct.CommandPin, 0)}
	})
	require.Empty(t, c.Commands[0].Refused, "a trial that failed keeps its last checkpoint")
	c = play(t, spec, func(d *DryRun) { d.Diverge, d.Commands = 1, []Command{name(conduct.CommandPin, 0)} })
	require.Contains(t, c.Commands[0].Refused, "the checkpoint of trial 0 is not in the store")
}

func numbers(trials []sweep.Trial) []int {
	list := make([]int, len(trials))
	for i, t := range trials {
		list[i] = t.Number
	}
	return list
}

// Cancelling at any time ends each trial once, in whatever state it is.
func TestPlayCancelsAtAnyTime(t *testing.T) {
	spec := dry()
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}
	spec.MaxRestarts, spec.Checkpoints.EverySteps = 5, 100
	for m := range 60 {
		c := play(t, spec, func(d *DryRun) {
			d.Workers, d.Fail, d.Commands = 2, 0.3, []Command{{At: time.Duration(m) * time.Minute, Name: conduct.CommandCancel}}
		})
		once(t, c)
		require.Equal(t, conduct.PhaseCancelled, c.Phase)
		for _, trial := range c.Trials {
			require.GreaterOrEqual(t, trial.TrainTime, 0.0)
			require.LessOrEqual(t, trial.TrainTime+trial.EvalTime, trial.FinishedAt.Sub(trial.StartedAt).Seconds()+1e-6)
		}
	}
}
