package conduct

import (
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// searchEnd returns why no further search trial may start; "" when one may. Trials
// count when they start, slot time when they end.
func (m *Machine) searchEnd() string {
	if m.Exhausted {
		return "every configuration was tried"
	}
	return m.reached(m.spec.Budget)
}

// reached reports which limit of a budget is reached; "" for none.
func (m *Machine) reached(budget sweep.Budget) string {
	wall := time.Duration(budget.WallClock)
	switch {
	case budget.RunCap > 0 && m.searched() >= budget.RunCap:
		return fmt.Sprintf("budget.run_cap of %d reached", budget.RunCap)
	case budget.GPUHours > 0 && m.SlotTime.Hours() >= budget.GPUHours:
		return fmt.Sprintf("budget.gpu_hours of %g reached", budget.GPUHours)
	case wall > 0 && m.elapsed() >= wall:
		return fmt.Sprintf("budget.wall_clock of %v reached", wall)
	default:
		return ""
	}
}

// mayStart reports whether one more trial may start now. Baseline trials start whatever
// the budget is, since results are compared with them, and so do requested trials.
func (m *Machine) mayStart() bool {
	if m.Phase != PhaseRunning || len(m.Running) >= m.spec.MaxConcurrentTrials {
		return false
	}
	return m.Next < len(m.baselines) || len(m.Queue) > 0 || m.searchEnd() == ""
}

// ending is the final phase that is due once nothing runs, and why; ok is false
// while the sweep continues.
func (m *Machine) ending() (phase Phase, why string, ok bool) {
	switch m.Phase {
	case PhaseCancelling:
		if m.FailReason != "" {
			return PhaseFailed, m.FailReason, true
		}
		return PhaseCancelled, m.Message, true
	case PhaseStopping:
		return PhaseStopped, m.Message, true
	}
	why = m.searchEnd()
	if m.Next < len(m.baselines) || len(m.Queue) > 0 || why == "" {
		return "", "", false
	}
	if n := m.Counts[sweep.StatusFailed]; n > 0 && n == m.finished() {
		return PhaseFailed, fmt.Sprintf("every trial failed, the last with %s", m.Streak.text()), true
	}
	return PhaseCompleted, why, true
}
