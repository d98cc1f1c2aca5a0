package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// sameFaultLimit is how many trials in a row may fail with the same fault before
// the sweep gives up.
const sameFaultLimit = 3

// final reports whether a sweep in this phase has ended.
func (p Phase) final() bool {
	switch p {
	case PhaseCompleted, PhaseStopped, PhaseCancelled, PhaseFailed:
		return true
	default:
		return false
	}
}

// commands says which phases accept an Update, and what it leads to.
var commands = []struct {
	name string
	from []Phase
	to   Phase
}{
	{UpdatePause, []Phase{PhaseRunning}, PhasePaused},
	{UpdateResume, []Phase{PhasePaused}, PhaseRunning},
	{UpdateStop, []Phase{PhaseRunning, PhasePaused}, PhaseStopping},
	{UpdateCancel, []Phase{PhaseRunning, PhasePaused, PhaseStopping}, PhaseCancelling},
}

// after is the phase that a command leads to, or why it is refused.
func (p Phase) after(command string) (Phase, error) {
	var valid []string
	for _, c := range commands {
		if !slices.Contains(c.from, p) {
			continue
		}
		if c.name == command {
			return c.to, nil
		}
		valid = append(valid, c.name)
	}
	if len(valid) == 0 {
		return p, fmt.Errorf("cannot %s a sweep that is %s: no command is valid any more", command, p)
	}
	return p, fmt.Errorf("cannot %s a sweep that is %s: valid now: %s", command, p, strings.Join(valid, ", "))
}

// searchEnd says why no further search trial may start; "" when one may. Trials
// count when they start, slot time when they end.
func (st *State) searchEnd(budget sweep.Budget, baselines int, now time.Time) string {
	wall := time.Duration(budget.WallClock)
	switch searched := st.Next - baselines; {
	case st.Exhausted:
		return "every point was tried"
	case budget.RunCap > 0 && searched >= budget.RunCap:
		return fmt.Sprintf("budget.run_cap of %d reached", budget.RunCap)
	case budget.GPUHours > 0 && st.SlotTime.Hours() >= budget.GPUHours:
		return fmt.Sprintf("budget.gpu_hours of %g reached", budget.GPUHours)
	case wall > 0 && now.Sub(st.StartedAt) >= wall:
		return fmt.Sprintf("budget.wall_clock of %v reached", wall)
	default:
		return ""
	}
}

// mayStart reports whether one more trial may start now. Baseline trials are not
// held back by the budget: without them no result can be judged.
func (st *State) mayStart(spec *sweep.Spec, baselines int, now time.Time) bool {
	if st.Phase != PhaseRunning || len(st.Running) >= spec.MaxConcurrentTrials {
		return false
	}
	return st.Next < baselines || st.searchEnd(spec.Budget, baselines, now) == ""
}

// ending is the final phase that is due, and why; ok is false while the sweep goes on.
func (st *State) ending(spec *sweep.Spec, baselines int, now time.Time) (phase Phase, why string, ok bool) {
	if len(st.Running) > 0 {
		return "", "", false
	}
	switch st.Phase {
	case PhaseCancelling:
		if st.Fault != "" {
			return PhaseFailed, st.Fault, true
		}
		return PhaseCancelled, st.Message, true
	case PhaseStopping:
		return PhaseStopped, st.Message, true
	}
	why = st.searchEnd(spec.Budget, baselines, now)
	if st.Next < baselines || why == "" {
		return "", "", false
	}
	if st.Counts[sweep.StatusFailed] > 0 && st.Counts[sweep.StatusFailed] == st.finished() {
		return PhaseFailed, fmt.Sprintf("every trial failed, the last with %s", st.Streak.text()), true
	}
	return PhaseCompleted, why, true
}

// Streak counts trials that failed in a row with the same fault.
type Streak struct {
	Class   sweep.FailureClass `json:"class,omitempty"`
	Message string             `json:"message,omitempty"` // of the last one
	Trial   int                `json:"trial"`             // the last one
	Count   int                `json:"count"`
}

// after is the streak once t has finished.
func (s Streak) after(t sweep.Trial) Streak {
	if t.Status == sweep.StatusCancelled {
		return s
	}
	if t.Status != sweep.StatusFailed || t.Error == nil {
		return Streak{}
	}
	next := Streak{Class: t.Error.Class, Message: firstLine(t.Error.Message), Trial: t.Number, Count: 1}
	if s.Count > 0 && s.Class == next.Class && fault(s.Message) == fault(next.Message) {
		next.Count += s.Count
	}
	return next
}

func (s Streak) text() string { return fmt.Sprintf("%s: %s", s.Class, s.Message) }

// verdict says why a streak ends the sweep; "" when it does not.
func (s Streak) verdict(name string) string {
	if s.Count < sameFaultLimit {
		return ""
	}
	return fmt.Sprintf("%d trials in a row failed with %s; see `tailsweep logs %s %d`", s.Count, s.text(), name, s.Trial)
}

// fault is a message without its numbers, which differ between equal faults.
func fault(message string) string {
	var b strings.Builder
	number := false
	for _, r := range message {
		if r >= '0' && r <= '9' {
			if !number {
				b.WriteByte('#')
			}
			number = true
			continue
		}
		number = false
		b.WriteRune(r)
	}
	return b.String()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// again says whether an attempt that failed is followed by another, and whether
// it counts as one of the trial's max_restarts. attempts are those made so far, to
// train and to evaluate.
func again(class sweep.FailureClass, restarts, maxRestarts, attempts int) (retry, counts bool) {
	if attempts >= maxAttempts {
		return false, true
	}
	switch class {
	case sweep.FailPreempted:
		return true, false
	case sweep.FailLost, sweep.FailTransient:
		return restarts < maxRestarts, true
	default:
		return false, true
	}
}

// rest is how long to wait before the next attempt. A lost worker was already
// waited for by its heartbeat timeout.
func rest(class sweep.FailureClass, restarts int) time.Duration {
	if class == sweep.FailLost {
		return 0
	}
	wait := restBase
	for range restarts {
		wait = min(2*wait, restMax)
	}
	return wait
}
