package specfile

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
)

// checkRepeats checks that repeats have other seeds than the first trials.
func (c *checker) checkRepeats() {
	s := c.spec
	if s.Repeats == nil || !c.valid(&s.Repeats, &s.Train.Seed) {
		return
	}
	for i := range s.Repeats.Seeds {
		if seed := &s.Repeats.Seeds[i]; *seed == s.Train.Seed {
			c.wrong(seed, fmt.Sprint(*seed), "is train.seed, which the first trial of each configuration has", "other seeds")
		}
	}
}

// checkEarlyTerminate checks that there is a rung, that a checkpoint is made there, and
// that the fields are those of the type.
func (c *checker) checkEarlyTerminate() {
	s := c.spec
	e := s.EarlyTerminate
	if e == nil || !c.valid(&s.EarlyTerminate) {
		return
	}
	if every := &s.Checkpoints.EverySteps; c.valid(every) && e.MinIter%*every != 0 {
		c.wrong(&e.MinIter, fmt.Sprint(e.MinIter), "rungs must be at checkpoints, and there is no checkpoint at this step",
			fmt.Sprintf("a multiple of checkpoints.every_steps = %d", *every))
	}
	if c.valid(&s.Train.Steps) && e.MinIter >= s.Train.Steps {
		c.wrong(&e.MinIter, fmt.Sprint(e.MinIter), "is not before the end of the training", fmt.Sprintf("less than train.steps = %d", s.Train.Steps))
	}
	c.onlyFor(sweep.StopMedian, &e.Type, &e.MinTrials)
	c.onlyFor(sweep.StopHyperband, &e.Type, &e.Brackets)
	if rungs := len(s.Rungs()); c.valid(&s.Train.Steps, &e.Brackets) && rungs > 0 && e.Brackets > rungs {
		c.wrong(&e.Brackets, fmt.Sprint(e.Brackets), "is more than there are rungs", fmt.Sprintf("at most %d", rungs))
	}
}

// checkRung checks that there is a rung for evaluate.rung. checkMeasurable checks its
// samples, checkGuidance its guidance.
func (c *checker) checkRung() {
	s := c.spec
	if s.Evaluate.Rung != nil && c.valid(&s.Evaluate.Rung) && !c.given(&s.EarlyTerminate) {
		c.wrong(&s.Evaluate.Rung, "", "there is no rung without early_terminate", "early_terminate, or no evaluate.rung")
	}
}
