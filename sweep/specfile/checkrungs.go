package specfile

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
)

// checkRepeats holds that repeats are further seeds of a search.
func (c *conformer) checkRepeats(s *sweep.Spec) {
	if s.Repeats == nil || !c.sound("repeats") {
		return
	}
	for i, seed := range s.Repeats.Seeds {
		if seed == s.Train.Seed && c.sound("train.seed") {
			c.fault(fmt.Sprintf("repeats.seeds[%d]", i), fmt.Sprint(seed), "is train.seed, which the first trial of each point has", "other seeds")
		}
	}
}

// checkEarlyTerminate holds that there is a rung, that a checkpoint is taken
// there, and that the fields are those of the type.
func (c *conformer) checkEarlyTerminate(s *sweep.Spec) {
	const field = "early_terminate."
	e := s.EarlyTerminate
	if e == nil || !c.sound("early_terminate") {
		return
	}
	every := s.Checkpoints.EverySteps
	if c.sound("checkpoints.every_steps") && e.MinIter%every != 0 {
		c.fault(field+"min_iter", fmt.Sprint(e.MinIter), "a trial is judged at a checkpoint, and this is none",
			fmt.Sprintf("a multiple of checkpoints.every_steps = %d", every))
	}
	if c.sound("train.steps") {
		steps := fmt.Sprintf("train.steps = %d", s.Train.Steps)
		if e.MinIter >= s.Train.Steps {
			c.fault(field+"min_iter", fmt.Sprint(e.MinIter), "is no rung: the training ends there", "less than "+steps)
		}
	}
	if c.given(field+"min_trials") && e.Type != sweep.StopMedian {
		c.fault(field+"min_trials", fmt.Sprint(e.MinTrials), "belongs to type median, and this is "+e.Type, "type: median")
	}
	rungs := len(s.Rungs())
	switch {
	case c.given(field+"brackets") && e.Type != sweep.StopHyperband:
		c.fault(field+"brackets", fmt.Sprint(e.Brackets), "belongs to type hyperband, and this is "+e.Type, "type: hyperband")
	case e.Brackets > rungs && rungs > 0 && c.sound("train.steps"):
		c.fault(field+"brackets", fmt.Sprint(e.Brackets), "is more than there are rungs", fmt.Sprintf("at most %d", rungs))
	}
}

// checkRung holds that evaluate.rung has a rung to judge at. Its samples are
// checked with the metrics', its guidance with the search's.
func (c *conformer) checkRung(s *sweep.Spec) {
	if s.Evaluate.Rung != nil && c.sound("evaluate.rung") && !c.given("early_terminate") {
		c.fault("evaluate.rung", "", "there is no rung without early_terminate", "early_terminate, or no evaluate.rung")
	}
}
