package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// checker finds the faults that the schema cannot find: fields that do not go together.
// Its methods take a field as its address, &c.spec.Train.Steps, or as its path.
type checker struct {
	*document
	spec *sweep.Spec
}

// at is the path of a field in the file. field is its address or its path.
func (c *checker) at(field any) path {
	if p, ok := field.(path); ok {
		return p
	}
	return fieldPath(c.spec, field)
}

// wrong reports a fault of a field.
func (c *checker) wrong(field any, value, message, valid string) {
	c.fault(c.at(field), value, message, valid)
}

// onlyFor reports fields that the file gives but that need the value value of kind, which
// is different.
func (c *checker) onlyFor(value string, kind *string, fields ...any) {
	at := string(c.at(kind))
	name := at[strings.LastIndex(at, ".")+1:]
	for _, field := range fields {
		if *kind != value && c.given(field) && c.valid(field) {
			c.wrong(field, c.shown(field), fmt.Sprintf("is only for %s: %s, but %s is %s", name, value, at, *kind), name+": "+value)
		}
	}
}

// given reports whether the file has a value for a field, valid or not.
func (c *checker) given(field any) bool {
	_, ok := c.values[c.at(field)]
	return ok
}

// shown is the text of a field in the file.
func (c *checker) shown(field any) string { return c.values[c.at(field)].shown() }

// valid reports whether none of the fields, nor anything in them, has a fault.
func (c *checker) valid(fields ...any) bool {
	for _, field := range fields {
		p := string(c.at(field))
		for broken := range c.broken {
			if rest, within := strings.CutPrefix(string(broken), p); within && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return false
			}
		}
	}
	return true
}

// check reports fields that contradict each other. Each part is skipped if one of the
// fields that it reads already has a fault.
func (c *checker) check() {
	if c.spec.Trainer == nil || c.given(&c.spec.Dataset) {
		c.checkDataset()
		c.checkFeatures()
	}
	if c.spec.Trainer == nil {
		c.checkModel()
		c.checkSampler()
		c.checkGuidance()
	} else {
		c.checkTrainer()
	}
	c.checkMetrics()
	c.checkConstraints()
	c.checkBaseline()
	c.checkSearch()
	c.checkPoints()
	c.checkFrom()
	c.checkRepeats()
	c.checkEarlyTerminate()
	c.checkRung()
	c.checkMeasurable()
	train := &c.spec.Train
	if c.valid(&train.Steps, &train.WarmupSteps) && train.WarmupSteps > train.Steps {
		c.wrong(&train.WarmupSteps, fmt.Sprint(train.WarmupSteps), "is longer than the training", fmt.Sprintf("at most train.steps = %d", train.Steps))
	}
	for _, limit := range []*sweep.Duration{&c.spec.Budget.WallClock, &c.spec.MaxTrialTime} {
		if c.given(limit) && c.valid(limit) && *limit <= 0 {
			c.wrong(limit, limit.String(), "is not a positive time", "a time such as 12h, or no limit")
		}
	}
	c.checkBudget()
	c.checkConcurrency()
}

// checkConcurrency checks that the state of the sweep has room for the running trials.
func (c *checker) checkConcurrency() {
	n := &c.spec.MaxConcurrentTrials
	if most := c.spec.MostConcurrent(); c.valid(n, &c.spec.Parameters) && *n > most {
		c.wrong(n, fmt.Sprint(*n), fmt.Sprintf("is too much with %d parameters, whose values the state of the sweep has for every running trial", len(c.spec.Parameters)),
			fmt.Sprintf("at most %d", most))
	}
}

// checkFeatures checks that there are features to compare images by, from one network that
// takes the images.
func (c *checker) checkFeatures() {
	s := c.spec
	if f := s.Evaluate.Features; f != nil && c.valid(&s.Evaluate.Features) {
		switch {
		case f.Network == "" && f.Path == "":
			c.wrong(&s.Evaluate.Features, "", "has neither a network nor a path", "one of the two")
		case f.Network != "" && f.Path != "":
			c.wrong(&f.Path, f.Path, "network is given, too", "one of the two")
		case f.Network != "" && c.valid(&s.Dataset) && s.Dataset.Channels() == 1:
			c.wrong(&f.Network, f.Network, "takes RGB images, and these are grey", "path, a file that `tailsweep features train` made")
		}
	}
	if c.valid(&s.Dataset.Name) && !c.broken[c.at(&s.Evaluate)] && !c.given(&s.Evaluate.Features) && !sweep.HasClassifier(s.Dataset.Name) {
		c.wrong(&s.Evaluate, "", "there is no built-in classifier for "+s.Dataset.Name, "evaluate.features.network: "+sweep.EfficientNetLite0+", or evaluate.features.path, a file that `tailsweep features train` made, or Inception-v3")
	}
}

// checkGuidance checks that guidance scales come from exactly one place.
func (c *checker) checkGuidance() {
	s, searched := c.spec, parameter(sweep.ParamGuidance)
	if !c.given(searched) {
		return
	}
	twice := func(field any) {
		if c.given(field) {
			c.wrong(field, "", "guidance is also a parameter", "one of the two")
		}
	}
	twice(&s.Evaluate.Guidance)
	if s.Evaluate.Rung != nil {
		twice(&s.Evaluate.Rung.Guidance)
	}
	if when := searched.field("when"); c.given(when) {
		c.wrong(when, "", "guidance cannot be conditional: every trial needs a scale", "no when")
	}
	if s.Baseline != nil && c.valid(&s.Baseline, searched) {
		if _, set := space.Baselines(s)[0].Params[sweep.ParamGuidance]; !set {
			c.wrong(&s.Baseline, "", "guidance is searched, so the baseline needs a value", "baseline.params.guidance")
		}
	}
}

func (c *checker) checkBaseline() {
	s := c.spec
	if s.Baseline == nil || !c.valid(&s.Baseline, &s.Parameters, &s.Model) {
		return
	}
	// The schema has checked each value. Settings checks that the model can train with them.
	if _, err := s.Settings(space.Baselines(s)[0]); err != nil {
		c.wrong(&s.Baseline, "", err.Error(), "")
	}
}

// checkBudget checks that the sweep ends.
func (c *checker) checkBudget() {
	method, b := c.spec.Method, &c.spec.Budget
	if c.valid(&c.spec.Method, b) && method != sweep.MethodGrid && *b == (sweep.Budget{}) {
		c.wrong(b, "", fmt.Sprintf("method %s never ends by itself", method), "run_cap, gpu_hours or wall_clock")
	}
}

// checkSearch checks that the method can search the space.
func (c *checker) checkSearch() {
	s := c.spec
	switch {
	case !c.valid(&s.Method, &s.Parameters):
	case s.Method == sweep.MethodGrid:
		c.checkGrid()
	case !slices.ContainsFunc(s.Parameters, func(p sweep.Parameter) bool { return !space.IsConstant(p) }):
		c.wrong(&s.Parameters, "", "there is nothing to search, all parameters are constant", "values, or min and max")
	}
}

func (c *checker) checkGrid() {
	s, finite := c.spec, true
	for i := range s.Parameters {
		if p := &s.Parameters[i]; space.GridValues(*p) == nil {
			finite = false
			c.wrong(p, string(p.Distribution), "a grid needs to know which values to take", "values, or count")
		}
	}
	if !finite || !c.valid(&s.Baseline, &s.Train.Seed) {
		return
	}
	switch configurations, ok := space.GridUpTo(s, space.MaxGridPoints); {
	case !ok:
		c.wrong(&s.Parameters, "", "the grid is too large", fmt.Sprintf("at most %d configurations", space.MaxGridPoints))
	case len(configurations) == 0:
		c.wrong(&s.Parameters, "", "the baseline has every configuration of the grid already", "more values")
	}
}
