package conduct

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Order ranks the trials of these numbers, best first, with the noise and the seeds of the
// complete ledger; of a configuration with several seeds it returns only the first trial.
// It also returns, ascending, all trials of the ledger that were evaluated at rungs and
// finally violated a constraint.
func Order(spec *sweep.Spec, ledger []sweep.Trial, numbers []int) (order, infeasible []int) {
	ledger = slices.Clone(ledger)
	spec.SetGates(ledger)
	ranked := slices.DeleteFunc(analysis.Rank(spec, ledger, ""), func(t sweep.Trial) bool { return !slices.Contains(numbers, t.Number) })
	for _, t := range analysis.Distinct(spec, ranked) {
		order = append(order, t.Number)
	}
	feasibility := analysis.Feasibilities(spec, ledger)
	for _, t := range ledger {
		if len(t.Rungs) > 0 && feasibility[t.Number] == analysis.Infeasible {
			infeasible = append(infeasible, t.Number)
		}
	}
	slices.Sort(infeasible)
	return order, infeasible
}

// contenders are the trials that may lead once the ledger has a segment.
func (m *Machine) contenders(segment []sweep.Trial) []sweep.Trial {
	return slices.Concat(m.Leaders, segment)
}

// updateLeaders makes the first ranked contenders the leaders. If places remain, the best
// trials that failed a gate keep their checkpoints, but no pointer names them.
// Checkpoints that are no longer kept are scheduled for removal. Trials that failed,
// were cancelled or ran out of time keep theirs.
func (m *Machine) updateLeaders(segment, ranked []sweep.Trial) {
	contenders := slices.Concat(m.contenders(segment), m.Gated)
	before, kept := m.Leaders, m.spec.KeptCheckpoints()
	m.Leaders = withoutReasons(ranked[:min(len(ranked), kept)])
	gated := analysis.Gated(m.spec, slices.Concat(m.Gated, segment), "")
	m.Gated = withoutReasons(gated[:min(len(gated), kept-len(m.Leaders))])
	for _, t := range contenders {
		ended := t.Status == sweep.StatusCompleted || t.Status == sweep.StatusStopped && t.Limit == ""
		if ended && t.Checkpoint != "" && !among(m.Leaders, t) && !among(m.Gated, t) && !slices.Contains(m.Pinned, t.Number) {
			m.Removals = append(m.Removals, t.Checkpoint)
		}
	}
	same := slices.EqualFunc(before, m.Leaders, func(a, b sweep.Trial) bool { return a.Number == b.Number })
	m.PointerOutdated = m.PointerOutdated || !same
}

func among(trials []sweep.Trial, t sweep.Trial) bool {
	return slices.ContainsFunc(trials, func(o sweep.Trial) bool { return o.Number == t.Number })
}

// withoutReasons leaves out what State need not carry; the ledger has it.
func withoutReasons(trials []sweep.Trial) []sweep.Trial {
	trials = slices.Clone(trials)
	for i := range trials {
		trials[i].Reason = sweep.Reason{Sampler: trials[i].Reason.Sampler}
	}
	return trials
}

// pointed are the leaders that the pointer to the best trials names. The others are
// spares, kept because further seeds may change the order.
func (m *Machine) pointed() []sweep.Trial {
	return m.Leaders[:min(len(m.Leaders), m.spec.Checkpoints.SaveSweepBest)]
}

func numbersOf(trials []sweep.Trial) []int {
	numbers := make([]int, len(trials))
	for i, t := range trials {
		numbers[i] = t.Number
	}
	return numbers
}

// inOrder returns the trials of these numbers, in their order. Numbers of other trials
// are left out.
func inOrder(trials []sweep.Trial, numbers []int) []sweep.Trial {
	var ordered []sweep.Trial
	for _, number := range numbers {
		if i := slices.IndexFunc(trials, func(t sweep.Trial) bool { return t.Number == number }); i >= 0 {
			ordered = append(ordered, trials[i])
		}
	}
	return ordered
}
