package specfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// warner collects the warnings about a spec.
type warner struct {
	*sweep.Spec
	trials   int // of the search; 0 if only a time ends the sweep
	warnings []string
}

func (w *warner) warn(format string, args ...any) {
	w.warnings = append(w.warnings, fmt.Sprintf(format, args...))
}

// Warnings lists probable mistakes of a valid spec: sentences that begin with the field.
func Warnings(s *sweep.Spec) []string {
	w := &warner{Spec: s, trials: cost.SearchCount(s)}
	w.nullLabel()
	w.earlyTerminate()
	w.repeats()
	w.method()
	w.points()
	w.kept()
	w.gates()
	w.constraints()
	w.scaledKID()
	w.conditions()
	w.secrets()
	return w.warnings
}

// scaledKID warns of a limit that multiplies a KID: where that is below 0, a larger factor
// makes the limit tighter.
func (w *warner) scaledKID() {
	for i, c := range w.Constraints {
		if strings.HasPrefix(c.Baseline, sweep.FamilyKID+".") && c.Factor != 1 {
			w.warn("constraints[%d] multiplies %s, an estimate that can be below 0, where a factor above 1 makes the limit tighter: "+
				"add instead, as in %s %s baseline.%s + 0.5", i, c.Baseline, c.Metric, c.Op, c.Baseline)
		}
	}
}

// nullLabel warns of terms and guidance that use the prediction for the null label where
// no sample trains with it.
func (w *warner) nullLabel() {
	settings, err := w.Settings(cost.Costliest(w.Spec))
	if err != nil || !keepsLabels(w.Spec) {
		return
	}
	var uses []string
	if guides(w.Spec, settings) {
		uses = append(uses, "guidance")
	}
	for _, t := range sweep.LossTerms() {
		if t.NullLabel != nil && settings.Weight(t.Name) > 0 && t.NullLabel(settings) {
			uses = append(uses, t.Name)
		}
	}
	if len(uses) > 0 {
		w.warn("train.label_dropout is 0, so that no sample trains with the null label, whose prediction is used by %s: "+
			"set it to 0.1, or turn them off (evaluate.guidance [0], weights of 0)", strings.Join(uses, ", "))
	}
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

// earlyTerminate warns of a rule that needs more results at a rung than there are trials.
func (w *warner) earlyTerminate() {
	e, trials := w.EarlyTerminate, english.Plural(w.trials, "trial", "")
	switch {
	case e == nil || w.trials == 0:
	case e.Type == sweep.StopMedian && w.trials <= e.MinTrials:
		w.warn("early_terminate can stop no trial: median compares a trial with %d others at the same rung (min_trials), and there are %s: "+
			"lower min_trials or raise budget.run_cap", e.MinTrials, trials)
	case e.Type != sweep.StopMedian && w.trials < e.Eta:
		w.warn("early_terminate can stop no trial: %s stops none before %d results at a rung (eta), and there are %s: "+
			"lower eta or raise budget.run_cap", e.Type, e.Eta, trials)
	case e.Type == sweep.StopHyperband && w.trials < e.Eta*e.Brackets:
		w.warn("early_terminate compares few trials: hyperband spreads %d trials over %d brackets, and stops none of a bracket before %d results (eta): "+
			"lower brackets or raise budget.run_cap", w.trials, e.Brackets, e.Eta)
	}
}

// repeats warns of a share that allows no repeat, and of a budget that ends before repeats
// begin.
func (w *warner) repeats() {
	if w.Repeats == nil || w.trials == 0 {
		return
	}
	if w.Method == sweep.MethodGrid {
		if grid := cost.GridSize(w.Spec); w.Budget.RunCap == grid {
			w.warn("repeats cannot start: the %d configurations of the grid use up budget.run_cap; raise it", grid)
			return
		}
	}
	if w.Repeats.Share*float64(w.trials) < 1-1e-9 {
		w.warn("repeats.share %s of %s allows no repeat: raise it or budget.run_cap", sweep.Number(w.Repeats.Share), english.Plural(w.trials, "trial", ""))
	}
}

// method warns of a method that learns from results but has none when it suggests trials.
func (w *warner) method() {
	if w.Method.Learns() && w.trials >= 2 && w.MaxConcurrentTrials >= w.trials {
		w.warn("max_concurrent_trials is %d, so that all %d trials start before one has a result, from which method %s learns: "+
			"lower it, or use random or sobol", w.MaxConcurrentTrials, w.trials, w.Method)
	}
}

// points warns of points that leave no trial for the method.
func (w *warner) points() {
	if n := len(w.Points); n > 0 && n == w.Budget.RunCap && w.Method != sweep.MethodGrid {
		w.warn("points fills all %s of budget.run_cap, so method %s chooses no trial; raise run_cap",
			english.Plural(n, "search trial", ""), w.Method)
	}
}

// kept warns of more checkpoints to keep than there are trials.
func (w *warner) kept() {
	trials, kept := cost.TrialCount(w.Spec), w.Checkpoints.SaveSweepBest
	if trials > 0 && kept > max(trials, defaults().Checkpoints.SaveSweepBest) {
		w.warn("checkpoints.save_sweep_best is %d, and there are %s: every final checkpoint is kept", kept, english.Plural(trials, "trial", ""))
	}
}

// gates warns of gates that every trial passes.
func (w *warner) gates() {
	g := w.Gates
	if g != nil && g.MinLabelAccuracy != nil && *g.MinLabelAccuracy <= 0 {
		w.warn("gates.min_label_accuracy is 0, which every trial reaches")
	}
	if g != nil && g.MaxMemorisedRatio != nil && *g.MaxMemorisedRatio >= 1 {
		w.warn("gates.max_memorised_ratio is 1, which no trial exceeds")
	}
}

// constraints warns of constraints on ratios, which are in [0, 1], that every trial
// satisfies or none.
func (w *warner) constraints() {
	for _, c := range w.Constraints {
		info, _ := sweep.LookupMetric(c.Metric)
		if info.Unit != "ratio" || c.Baseline != "" {
			continue
		}
		switch atLeast := c.Op == ">="; {
		case atLeast && c.Offset <= 0, !atLeast && c.Offset >= 1:
			w.warn("constraints: every trial satisfies %s: %s is in [0, 1]", c, c.Metric)
		case atLeast && c.Offset > 1, !atLeast && c.Offset < 0:
			w.warn("constraints: no trial satisfies %s: %s is in [0, 1]", c, c.Metric)
		}
	}
}

// secrets warns of variables whose names say that their values are secret.
func (w *warner) secrets() {
	if w.Trainer == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(w.Trainer.Env)) {
		for _, word := range []string{"TOKEN", "SECRET", "PASSWORD", "API_KEY", "CREDENTIAL"} {
			if strings.Contains(strings.ToUpper(name), word) {
				w.warn("trainer.env.%s looks like a secret, and everybody who sees the sweep can read the spec: name it in trainer.pass_env, and set it for the worker", name)
				break
			}
		}
	}
}

// conditions warns of conditions on numbers that are never true, so that no trial has
// their parameter.
func (w *warner) conditions() {
	for _, p := range w.Parameters {
		when := p.When
		if when == nil || when.Value.IsWord() {
			continue
		}
		on := searched(w.Spec, when.Param)
		least, greatest, x := space.Least(*on), space.Greatest(*on), when.Value.Float()
		never := map[string]bool{
			"<": least >= x, "<=": least > x, ">": greatest <= x, ">=": greatest < x,
			"==": x < least || x > greatest, "!=": least == x && greatest == x,
		}
		if never[when.Op] {
			w.warn("parameters.%s.when: %s is never true, so that no trial has the parameter: %s is in [%s, %s]",
				p.Name, when, when.Param, sweep.Number(least), sweep.Number(greatest))
		}
	}
}
