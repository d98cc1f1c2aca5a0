package specfile

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// check tells the faults that lie between fields. Each part is skipped when one
// of the fields that it reads has a fault already.
func (c *conformer) check(s *sweep.Spec) {
	c.checkDataset(s)
	c.checkModel(s)
	c.checkSampler(s)
	c.checkMetrics(s)
	c.checkGuidance(s)
	c.checkBaseline(s)
	c.checkSearch(s)
	c.checkBudget(s)
	c.checkRepeats(s)
	c.checkEarlyTerminate(s)
	c.checkRung(s)
	c.checkFeatures(s)
	c.checkMeasurable(s)
	if c.sound("train.steps", "train.warmup_steps") && s.Train.WarmupSteps > s.Train.Steps {
		c.fault("train.warmup_steps", fmt.Sprint(s.Train.WarmupSteps), "is longer than the training", fmt.Sprintf("at most train.steps = %d", s.Train.Steps))
	}
	for _, d := range []struct {
		path  string
		value sweep.Duration
	}{{"budget.wall_clock", s.Budget.WallClock}, {"max_trial_time", s.MaxTrialTime}} {
		if c.sound(d.path) && c.given(d.path) && d.value <= 0 {
			c.fault(d.path, d.value.String(), "is no time at all", "a time such as 12h, or no limit")
		}
	}
}

// checkFeatures holds that there is something to look at images with.
func (c *conformer) checkFeatures(s *sweep.Spec) {
	if !c.sound("dataset.name") || c.broken["evaluate"] || c.given("evaluate.features") || sweep.HasClassifier(s.Dataset.Name) {
		return
	}
	if _, known := sweep.LookupDataset(s.Dataset.Name); known {
		c.fault("evaluate", "", "there is no built-in classifier for "+s.Dataset.Name, "evaluate.features.path, a file that `tailsweep features train` made, or Inception-v3")
	}
}

// checkGuidance holds that scales come from one place, and from one at least.
func (c *conformer) checkGuidance(s *sweep.Spec) {
	const searched = "parameters." + sweep.ParamGuidance
	if !c.given(searched) {
		return
	}
	for _, field := range []string{"evaluate.guidance", "evaluate.rung.guidance"} {
		if c.given(field) {
			c.fault(field, "", "guidance is among the parameters too", "one of the two")
		}
	}
	if c.given(searched + ".when") {
		c.fault(searched+".when", "", "guidance cannot be conditional: every trial needs a scale", "no when")
	}
	if s.Baseline != nil && c.sound("baseline", searched) {
		if _, set := space.Baselines(s)[0].Params[sweep.ParamGuidance]; !set {
			c.fault("baseline", "", "guidance is searched, so the baseline needs one of its own", "baseline.params.guidance")
		}
	}
}

func (c *conformer) checkBaseline(s *sweep.Spec) {
	if s.Baseline == nil || !c.sound("baseline") {
		return
	}
	// Values are legal by the schema; what is left is that they can be trained.
	for _, a := range space.Baselines(s) {
		if _, err := s.Settings(a); err != nil && c.sound("evaluate", "parameters") {
			c.fault("baseline", "", err.Error(), "")
			return
		}
	}
}

// checkBudget holds that the sweep ends.
func (c *conformer) checkBudget(s *sweep.Spec) {
	if c.given("method") && c.sound("method", "budget") && s.Method != sweep.MethodGrid &&
		!c.given("budget.run_cap") && !c.given("budget.gpu_hours") && !c.given("budget.wall_clock") {
		c.fault("budget", "", fmt.Sprintf("method %s never ends by itself", s.Method), "run_cap, gpu_hours or wall_clock")
	}
}

// checkSearch holds that the method can walk the space.
func (c *conformer) checkSearch(s *sweep.Spec) {
	if !c.sound("method", "parameters") || !c.given("method") || !c.given("parameters") {
		return
	}
	if s.Method == sweep.MethodGrid {
		finite := true
		for _, p := range s.Parameters {
			if space.GridValues(p) == nil {
				finite = false
				c.fault("parameters."+p.Name, string(p.Distribution), "a grid needs to know which points to take", "values, or count")
			}
		}
		if finite && c.sound("baseline", "train.seed") {
			switch points, ok := space.GridUpTo(s, space.MaxGridPoints); {
			case !ok:
				c.fault("parameters", "", "the grid is too large", fmt.Sprintf("at most %d points", space.MaxGridPoints))
			case len(points) == 0:
				c.fault("parameters", "", "the baseline has every point of the grid already", "more values")
			}
		}
		return
	}
	searched := false
	for _, p := range s.Parameters {
		searched = searched || p.Distribution != sweep.DistConstant
	}
	if !searched {
		c.fault("parameters", "", "there is nothing to search, all parameters are constant", "values, or min and max")
	}
}
