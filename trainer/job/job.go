package job

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Train is the job file of a training child.
type Train struct {
	sweep.TrainJob
	Backend string `json:"backend"` // a name of backend.Names
}

// Evaluate is the job file of an evaluating child.
type Evaluate struct {
	sweep.EvaluateJob
	Backend string `json:"backend"`
}

// Type is the type of an Event.
type Type string

// The types of events. A training child ends with exactly one of done, diverged,
// preempted or error, an evaluating child with result or error.
const (
	Opened     Type = "opened"     // Backend, Device; the first event of a training, before it loads its data and model
	Loading    Type = "loading"    // Step of Steps images read, where that takes long; before started
	Started    Type = "started"    // Backend, Device, Step (0, or that of the checkpoint it resumed from), Steps
	Compiling  Type = "compiling"  // no step finishes for a while
	Progress   Type = "progress"   // Step, Steps, Point, StepsPerSecond, Memory; of an evaluation: Step of Steps images, real ones and samples
	Checkpoint Type = "checkpoint" // Step, Dir: the folder is complete and synced to disk; events of later steps may come first, since training continues meanwhile
	Done       Type = "done"       // Step, Steps, Losses; Step is below Steps where the job ends before the training does
	Diverged   Type = "diverged"   // Step, Losses: a value is not finite; nothing was saved of this step
	Preempted  Type = "preempted"  // Step: asked to stop; a checkpoint event came before
	Result     Type = "result"     // Evaluation
	Error      Type = "error"      // Class, Message
)

// Known reports whether this build has the type.
func (t Type) Known() bool {
	return t.Last() || slices.Contains([]Type{Opened, Loading, Started, Compiling, Progress, Checkpoint}, t)
}

// Last reports whether no event follows one of this type.
func (t Type) Last() bool {
	switch t {
	case Done, Diverged, Preempted, Result, Error:
		return true
	}
	return false
}

// Event is one line of a child's stdout.
type Event struct {
	Type           Type              `json:"type"`
	Step           int               `json:"step,omitempty"`
	Steps          int               `json:"steps,omitempty"`
	Backend        string            `json:"backend,omitempty"`
	Device         string            `json:"device,omitempty"`
	Point          *sweep.CurvePoint `json:"point,omitempty"`
	StepsPerSecond float64           `json:"steps_per_second,omitempty"`
	Memory         int64             `json:"memory,omitempty"` // resident bytes of the child; 0 where the system does not report it
	Dir            string            `json:"dir,omitempty"`
	sweep.Losses
	*sweep.Evaluation                    // of a result, else nil
	Class             sweep.FailureClass `json:"class,omitempty"`
	Message           string             `json:"message,omitempty"`
}

// SecondsLeft is the time that the remaining steps take at the event's rate, 0 where
// the rate is unknown.
func (e Event) SecondsLeft() float64 {
	if e.StepsPerSecond <= 0 || e.Steps <= e.Step {
		return 0
	}
	return float64(e.Steps-e.Step) / e.StepsPerSecond
}
