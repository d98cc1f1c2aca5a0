package program

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// follows checks a message against those before it.
func (r *run) follows(e *job.Event) error {
	if e.Type != job.Error && e.Step > r.until {
		return fmt.Errorf("step is %d, beyond until = %d", e.Step, r.until)
	}
	switch e.Type {
	case job.Started:
		switch {
		case r.reported:
			return fmt.Errorf("started must come before progress and checkpoints, once")
		case e.Step != 0 && e.Step != r.program.ResumeStep:
			return fmt.Errorf("started at step %d (valid: %s)", e.Step, r.beginnings())
		}
	case job.Progress, job.Diverged:
		if r.reported && e.Step < r.step {
			return fmt.Errorf("step is %d after step %d was reported: steps must not go back", e.Step, r.step)
		}
	case job.Checkpoint:
		if r.taken != nil && e.Step <= *r.taken {
			return fmt.Errorf("a checkpoint of step %d after one of step %d: each must be of a later step", e.Step, *r.taken)
		}
	case job.Metrics:
		switch {
		case e.Step != r.until:
			return fmt.Errorf("metrics of step %d: they are of until = %d", e.Step, r.until)
		case r.found != nil:
			return fmt.Errorf("metrics were reported already: report all in one message")
		}
	case job.Done:
		if e.Step != r.until {
			return fmt.Errorf("done at step %d, and until is %d", e.Step, r.until)
		}
	}
	return nil
}

func (r *run) beginnings() string {
	if r.program.ResumeStep == 0 {
		return "0"
	}
	return fmt.Sprintf("0, or %d of the checkpoint in resume", r.program.ResumeStep)
}

// missing returns the metrics that the spec names and that the program has to report, but that
// found does not have. Without a curve, loss is one of them.
func (r *run) missing(found *sweep.Evaluation) []string {
	var missing []string
	for _, name := range r.spec.NamedMetrics() {
		reported := false
		if found != nil {
			_, reported = found.Metrics[name]
		}
		needed := r.spec.Reported(name) || name == sweep.MetricLoss && len(r.curve.points) == 0
		if needed && !reported {
			missing = append(missing, name)
		}
	}
	return missing
}
