package simulate

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Result is the result of a dry run.
type Result struct {
	Spec                 *sweep.Spec   `json:"-"`         // in force at the end; the trials' gates are by it
	Trials               []sweep.Trial `json:"ledger"`    // in order of completion; times count from the Unix epoch
	Wall                 time.Duration `json:"wall_time"` // nanoseconds until the last trial had ended
	SlotHours            float64       `json:"gpu_hours"` // hours of training slots
	Steps                int64         `json:"steps"`     // trained, of all trials
	StepsWithoutStopping int64         `json:"steps_without_stopping"`
	Phase                conduct.Phase `json:"phase"` // at the end; paused when no command resumed the sweep
	Ended                string        `json:"ended"` // why

	Failures map[sweep.FailureClass]int `json:"failures"`           // failed attempts, including those that another attempt followed
	Commands []Command                  `json:"commands,omitempty"` // by time, with those that were refused
}

// Point is the state of a run when a trial had finished.
type Point struct {
	Trial       int      `json:"trial"`
	Seconds     float64  `json:"seconds"`               // since the beginning
	Best        *float64 `json:"best,omitempty"`        // first metric of the best trial so far, see Curve
	Hypervolume *float64 `json:"hypervolume,omitempty"` // of the front so far, with several metrics
}

// Curve is the best value so far after each trial, in hindsight, so that it never
// gets worse: a trial counts when it is as feasible as the best one is in the end, and
// where the spec asks for repeats, by its configuration's mean over all seeds. A trial
// that looked good before the baseline was known, or with one lucky seed, does not
// count.
//
// With several metrics there is the hypervolume of the front so far as well, as
// analysis.NewFront found it at that time, from the reference point of the
// complete run; it may shrink when a result changes the feasibility of others.
func (c Result) Curve() []Point {
	spec := c.Spec
	goal := spec.Metrics[0]
	last, _ := analysis.Best(spec, c.Trials, "")
	verdicts, means := analysis.Feasibilities(spec, c.Trials), make(map[string]float64)
	if spec.Repeats != nil {
		for _, p := range analysis.Configurations(spec, c.Trials, "") {
			means[p.Mean.Params.Key()], _ = p.Mean.Metric(goal.Name)
		}
	}
	reference := analysis.ReferencePoint(spec, c.Trials)
	points := make([]Point, len(c.Trials))
	var best *float64
	for i, t := range c.Trials {
		value, ok := t.Metric(goal.Name)
		if mean, repeated := means[t.Params.Key()]; repeated {
			value = mean
		}
		better := best == nil || goal.Cost(value) < goal.Cost(*best)
		if ok && better && verdicts[t.Number] == verdicts[last.Number] {
			best = &value
		}
		points[i] = Point{Trial: t.Number, Seconds: t.FinishedAt.Sub(moment(0)).Seconds(), Best: best}
		if len(spec.Metrics) > 1 && reference != nil {
			points[i].Hypervolume = analysis.NewFront(spec, c.Trials[:i+1], reference).Hypervolume
		}
	}
	return points
}
