package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Warnings lists probable mistakes of a valid spec: sentences that begin with the field.
func Warnings(s *sweep.Spec) []string {
	var warnings []string
	for _, check := range []func(*sweep.Spec) []string{
		warnNullLabel, warnEarlyTerminate, warnRepeats, warnMethod, warnKept, warnGates, warnConstraints, warnConditions,
	} {
		warnings = append(warnings, check(s)...)
	}
	return warnings
}

// warnNullLabel warns of terms and guidance that use the prediction for the null label
// where no sample trains with it.
func warnNullLabel(s *sweep.Spec) []string {
	settings, err := s.Settings(cost.Costliest(s))
	if err != nil || !keepsLabels(s) {
		return nil
	}
	var uses []string
	if guides(s, settings) {
		uses = append(uses, "guidance")
	}
	for _, t := range sweep.LossTerms() {
		if t.NullLabel != nil && settings.Weight(t.Name) > 0 && t.NullLabel(settings) {
			uses = append(uses, t.Name)
		}
	}
	if len(uses) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("train.label_dropout is 0, so that no sample trains with the null label, whose prediction is used by %s: "+
		"set it to 0.1, or turn them off (evaluate.guidance [0], weights of 0)", strings.Join(uses, ", "))}
}

// keepsLabels reports whether no trial ever drops a label.
func keepsLabels(s *sweep.Spec) bool {
	if p := searched(s, sweep.ParamLabelDropout); p != nil {
		return space.Greatest(*p) == 0
	}
	return s.Train.LabelDropout == 0
}

// guides reports whether a trial may sample at another guidance scale than 0.
func guides(s *sweep.Spec, settings sweep.Settings) bool {
	if p := searched(s, sweep.ParamGuidance); p != nil {
		return space.Greatest(*p) > 0
	}
	return slices.ContainsFunc(settings.Guidance, func(w float64) bool { return w != 0 })
}

// searched is a parameter of the search space, nil if it has none of this name.
func searched(s *sweep.Spec, name string) *sweep.Parameter {
	i := slices.IndexFunc(s.Parameters, func(p sweep.Parameter) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Parameters[i]
}

// searchTrials is how many search trials there will be; 0 if only a time ends the sweep.
func searchTrials(s *sweep.Spec) int {
	trials := cost.TrialCount(s)
	if trials > 0 && s.Baseline != nil {
		trials -= len(s.Baseline.Seeds)
	}
	return trials
}

// warnEarlyTerminate warns of a rule that needs more results at a rung than there are
// trials.
func warnEarlyTerminate(s *sweep.Spec) []string {
	e, trials := s.EarlyTerminate, searchTrials(s)
	switch {
	case e == nil || trials == 0:
	case e.Type == sweep.StopMedian && trials <= e.MinTrials:
		return []string{fmt.Sprintf("early_terminate can stop no trial: median compares a trial with %d others at the same rung (min_trials), and there are %s: "+
			"lower min_trials or raise budget.run_cap", e.MinTrials, english.Plural(trials, "trial", ""))}
	case e.Type != sweep.StopMedian && trials < e.Eta:
		return []string{fmt.Sprintf("early_terminate can stop no trial: %s stops none before %d results at a rung (eta), and there are %s: "+
			"lower eta or raise budget.run_cap", e.Type, e.Eta, english.Plural(trials, "trial", ""))}
	case e.Type == sweep.StopHyperband && trials < e.Eta*e.Brackets:
		return []string{fmt.Sprintf("early_terminate compares few trials: hyperband spreads %d trials over %d brackets, and stops none of a bracket before %d results (eta): "+
			"lower brackets or raise budget.run_cap", trials, e.Brackets, e.Eta)}
	}
	return nil
}

// warnRepeats warns of a share that allows no repeat, and of a budget that ends before
// repeats begin.
func warnRepeats(s *sweep.Spec) []string {
	trials := searchTrials(s)
	if s.Repeats == nil || trials == 0 {
		return nil
	}
	if s.Method == sweep.MethodGrid {
		if grid := len(space.Grid(s)); s.Budget.RunCap == grid {
			return []string{fmt.Sprintf("repeats has no trials: the grid's %d configurations come first and use up budget.run_cap: raise it", grid)}
		}
	}
	if s.Repeats.Share*float64(trials) < 1-1e-9 {
		return []string{fmt.Sprintf("repeats.share %s of %s allows no repeat: raise it or budget.run_cap", sweep.Number(s.Repeats.Share), english.Plural(trials, "trial", ""))}
	}
	return nil
}

// warnMethod warns of a method that learns from results, and has none when it decides.
func warnMethod(s *sweep.Spec) []string {
	trials := searchTrials(s)
	if !s.Method.Learns() || trials < 2 || s.MaxConcurrentTrials < trials {
		return nil
	}
	return []string{fmt.Sprintf("max_concurrent_trials is %d, so that all %d trials start before one has a result, from which method %s learns: "+
		"lower it, or use random or sobol", s.MaxConcurrentTrials, trials, s.Method)}
}

// warnKept warns of more checkpoints to keep than there are trials.
func warnKept(s *sweep.Spec) []string {
	trials, kept := cost.TrialCount(s), s.Checkpoints.SaveSweepBest
	if trials == 0 || kept <= max(trials, defaults().Checkpoints.SaveSweepBest) {
		return nil
	}
	return []string{fmt.Sprintf("checkpoints.save_sweep_best is %d, and there are %s: every final checkpoint is kept", kept, english.Plural(trials, "trial", ""))}
}

// warnGates warns of gates that every trial passes.
func warnGates(s *sweep.Spec) []string {
	var warnings []string
	if g := s.Gates; g != nil {
		if g.MinLabelAccuracy != nil && *g.MinLabelAccuracy <= 0 {
			warnings = append(warnings, "gates.min_label_accuracy is 0, which every trial reaches")
		}
		if g.MaxMemorisedRatio != nil && *g.MaxMemorisedRatio >= 1 {
			warnings = append(warnings, "gates.max_memorised_ratio is 1, which no trial exceeds")
		}
	}
	return warnings
}

// warnConstraints warns of constraints on ratios, which are in [0, 1], that hold always
// or never.
func warnConstraints(s *sweep.Spec) []string {
	var warnings []string
	for _, c := range s.Constraints {
		info, _ := sweep.LookupMetric(c.Metric)
		if info.Unit != "ratio" || c.Baseline != "" {
			continue
		}
		switch atLeast := c.Op == ">="; {
		case atLeast && c.Offset <= 0, !atLeast && c.Offset >= 1:
			warnings = append(warnings, fmt.Sprintf("constraints: %s holds for every trial: %s is in [0, 1]", c, c.Metric))
		case atLeast && c.Offset > 1, !atLeast && c.Offset < 0:
			warnings = append(warnings, fmt.Sprintf("constraints: %s holds for no trial: %s is in [0, 1]", c, c.Metric))
		}
	}
	return warnings
}

// warnConditions warns of conditions on numbers that hold never, so that their
// parameter takes part in no trial.
func warnConditions(s *sweep.Spec) []string {
	var warnings []string
	for _, p := range s.Parameters {
		when := p.When
		if when == nil || when.Value.IsWord() {
			continue
		}
		on := searched(s, when.Param)
		least, greatest, x := space.Least(*on), space.Greatest(*on), when.Value.Float()
		never := map[string]bool{
			"<": least >= x, "<=": least > x, ">": greatest <= x, ">=": greatest < x, "==": x < least || x > greatest,
		}
		if never[when.Op] || when.Op == "!=" && least == x && greatest == x {
			warnings = append(warnings, fmt.Sprintf("parameters.%s.when: %s never holds, so that no trial has the parameter: %s is in [%s, %s]",
				p.Name, when, when.Param, sweep.Number(least), sweep.Number(greatest)))
		}
	}
	return warnings
}
