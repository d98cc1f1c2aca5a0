package conduct

import (
	"maps"
	"slices"
	"strings"

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
	m.Leaders = slices.Clone(ranked[:min(len(ranked), kept)])
	gated := analysis.Gated(m.spec, slices.Concat(m.Gated, segment), "")
	m.Gated = slices.Clone(gated[:min(len(gated), kept-len(m.Leaders))])
	m.lighten()
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

// lighten leaves out of the leaders what neither their order nor an edit of the spec needs;
// the ledger has it. If they are still larger than leadersLimit, the FID of each class is
// left out, except those that the spec names: after an edit that makes another class's FID
// an objective, these trials have no value of it.
func (m *Machine) lighten() {
	size := 0
	for _, list := range [][]sweep.Trial{m.Leaders, m.Gated} {
		for i := range list {
			t := &list[i]
			t.Reason = sweep.Reason{Sampler: t.Reason.Sampler}
			t.Rungs, t.Builds = nil, nil
			t.Evaluation = sweep.Evaluation{Metrics: t.Metrics}
			size += SizeOf(*t)
		}
	}
	if size <= leadersLimit {
		return
	}
	named := m.spec.NamedMetrics()
	for _, list := range [][]sweep.Trial{m.Leaders, m.Gated} {
		for i := range list {
			metrics := maps.Clone(list[i].Metrics)
			maps.DeleteFunc(metrics, func(name string, _ float64) bool {
				return strings.HasPrefix(name, sweep.FIDClass) && !slices.Contains(named, name)
			})
			list[i].Metrics = metrics
		}
	}
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
