package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestPhaseAfterCommand(t *testing.T) {
	all := []Phase{
		PhaseRunning, PhasePaused, PhaseStopping, PhaseCancelling,
		PhaseCompleted, PhaseStopped, PhaseCancelled, PhaseFailed,
	}
	accepted := map[string]map[Phase]Phase{
		UpdatePause:  {PhaseRunning: PhasePaused},
		UpdateResume: {PhasePaused: PhaseRunning},
		UpdateStop:   {PhaseRunning: PhaseStopping, PhasePaused: PhaseStopping},
		UpdateCancel: {PhaseRunning: PhaseCancelling, PhasePaused: PhaseCancelling, PhaseStopping: PhaseCancelling},
	}
	for command, transitions := range accepted {
		for _, phase := range all {
			next, err := phase.after(command)
			if want, ok := transitions[phase]; ok {
				require.NoError(t, err)
				require.Equal(t, want, next)
				continue
			}
			require.ErrorContains(t, err, "cannot "+command+" a sweep that is "+string(phase))
			require.Equal(t, phase, next)
		}
	}
	for i, phase := range all {
		require.Equal(t, i >= 4, phase.final(), phase)
	}
}

func TestEnding(t *testing.T) {
	spec := gridSpec(9)
	spec.Budget.RunCap = 3
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	one := []RunningTrial{{}}
	tests := []struct {
		name      string
		state     State
		baselines int
		phase     Phase
		starts    bool
	}{
		{name: "at the beginning", state: State{Phase: PhaseRunning}, starts: true},
		{name: "while paused", state: State{Phase: PhasePaused}},
		{name: "while trials run", state: State{Phase: PhaseRunning, Exhausted: true, Running: one}},
		{name: "run_cap reached", state: State{Phase: PhaseRunning, Next: 3, Counts: map[sweep.Status]int{"completed": 3}}, phase: PhaseCompleted},
		{name: "run_cap does not count baselines", state: State{Phase: PhaseRunning, Next: 3}, baselines: 1, starts: true},
		{
			name:  "baselines run even when the budget is spent",
			state: State{Phase: PhaseRunning, Next: 1, Exhausted: true}, baselines: 2, starts: true,
		},
		{name: "paused, and nothing would follow", state: State{Phase: PhasePaused, Exhausted: true, Watermark: 1}, phase: PhaseCompleted},
		{name: "stopping with trials", state: State{Phase: PhaseStopping, Running: one}},
		{name: "stopping", state: State{Phase: PhaseStopping}, phase: PhaseStopped},
		{name: "cancelling with trials", state: State{Phase: PhaseCancelling, Running: one}},
		{name: "cancelling", state: State{Phase: PhaseCancelling}, phase: PhaseCancelled},
		{name: "cancelling for a fault", state: State{Phase: PhaseCancelling, Fault: "f"}, phase: PhaseFailed},
		{
			name:  "every trial failed",
			state: State{Phase: PhaseRunning, Exhausted: true, Watermark: 2, Counts: map[sweep.Status]int{"failed": 2}}, phase: PhaseFailed,
		},
		{
			name:  "one of them did not",
			state: State{Phase: PhaseRunning, Exhausted: true, Watermark: 3, Counts: map[sweep.Status]int{"failed": 2, "diverged": 1}}, phase: PhaseCompleted,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.state.StartedAt = now
			require.Equal(t, test.starts, test.state.mayStart(&spec, test.baselines, now))
			phase, _, ok := test.state.ending(&spec, test.baselines, now)
			require.Equal(t, test.phase, phase)
			require.Equal(t, test.phase != "", ok)
		})
	}
}

func TestSearchEndAtItsLimits(t *testing.T) {
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		budget sweep.Budget
		state  State
		after  time.Duration
		ends   bool
	}{
		{"no budget", sweep.Budget{}, State{Next: 1e6, SlotTime: 1e6 * time.Hour}, 1e6 * time.Hour, false},
		{"hours left", sweep.Budget{GPUHours: 2}, State{SlotTime: 2*time.Hour - 1}, 0, false},
		{"hours spent", sweep.Budget{GPUHours: 2}, State{SlotTime: 2 * time.Hour}, 0, true},
		{"time left", sweep.Budget{WallClock: sweep.Duration(time.Hour)}, State{}, time.Hour - 1, false},
		{"time over", sweep.Budget{WallClock: sweep.Duration(time.Hour)}, State{}, time.Hour, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.state.StartedAt = start
			require.Equal(t, test.ends, test.state.searchEnd(test.budget, 0, start.Add(test.after)) != "")
		})
	}
}

func TestStreak(t *testing.T) {
	fails := func(number int, class sweep.FailureClass, message string) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Number: number}, Status: sweep.StatusFailed,
			Error: &sweep.Failure{Class: class, Message: message},
		}
	}
	ends := func(status sweep.Status) sweep.Trial { return sweep.Trial{Status: status} }
	tests := []struct {
		name   string
		trials []sweep.Trial
		want   int
	}{
		{"none", nil, 0},
		{"equal but for numbers and what follows the first line", []sweep.Trial{
			fails(0, sweep.FailBug, "trial 0 at step 12: no such file\nlog a"), fails(1, sweep.FailBug, "trial 1 at step 3: no such file\nlog b"),
		}, 2},
		{"another message", []sweep.Trial{fails(0, sweep.FailBug, "a"), fails(1, sweep.FailBug, "b")}, 1},
		{"another class", []sweep.Trial{fails(0, sweep.FailBug, "a"), fails(1, sweep.FailLost, "a")}, 1},
		{"a completed one between", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusCompleted)}, 0},
		{"a diverged one between", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusDiverged)}, 0},
		{"a cancelled one says nothing", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusCancelled), fails(2, sweep.FailBug, "a")}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s Streak
			for _, trial := range test.trials {
				s = s.after(trial)
			}
			require.Equal(t, test.want, s.Count)
			require.Empty(t, s.verdict("x"))
		})
	}
}

func TestAgain(t *testing.T) {
	tests := []struct {
		class                 sweep.FailureClass
		restarts, attempts    int
		wantRetry, wantCounts bool
	}{
		{sweep.FailOutOfMemory, 0, 1, false, true},
		{sweep.FailBadData, 0, 1, false, true},
		{sweep.FailBug, 0, 1, false, true},
		{sweep.FailLost, 1, 2, true, true},
		{sweep.FailLost, 2, 3, false, true},
		{sweep.FailTransient, 1, 2, true, true},
		{sweep.FailTransient, 2, 3, false, true},
		{sweep.FailPreempted, 2, 50, true, false},
		{sweep.FailPreempted, 0, maxAttempts, false, true},
	}
	for _, test := range tests {
		retry, counts := again(test.class, test.restarts, 2, test.attempts)
		require.Equal(t, test.wantRetry, retry, test)
		require.Equal(t, test.wantCounts, counts, test)
	}
}

func TestRestGrowsToItsLimit(t *testing.T) {
	require.Zero(t, rest(sweep.FailLost, 3))
	require.Equal(t, 5*time.Second, rest(sweep.FailTransient, 0))
	require.Equal(t, 10*time.Second, rest(sweep.FailTransient, 1))
	require.Equal(t, restMax, rest(sweep.FailTransient, 60))
}
