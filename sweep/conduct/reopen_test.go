package conduct

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// The time between an end and the command that continues the sweep counts neither as
// elapsed nor toward budget.wall_clock.
func TestIdleTimeDoesNotCount(t *testing.T) {
	spec := testSpec()
	spec.Budget.WallClock = sweep.Duration(20 * time.Minute)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	ended := at(10)
	m := machineOf(spec, State{Phase: PhaseStopped, EndedAt: &ended, Closed: true})
	require.Equal(t, 10*time.Minute, m.Progress("").Elapsed(at(70)))
	m.Step(at(70), Commanded{CommandResume, Command{By: "ann"}})
	require.Equal(t, 10*time.Minute, m.Progress("").Elapsed(at(70)))
	require.Equal(t, 15*time.Minute, m.Progress("").Elapsed(at(75)))
	require.Empty(t, m.searchEnd())
	m.Step(at(80), Tick{})
	require.Equal(t, "budget.wall_clock of 20m0s reached", m.searchEnd())
}
