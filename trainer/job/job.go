package job

import (
	"cmp"
	"path/filepath"
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

// Protocol is the version of the protocol between tailsweep and a program of the user: see
// docs/trainer-protocol.md, which defines the fields of Program and those of Event that programs
// use.
const Protocol = 1

// Program is the job file of a program of the user.
type Program struct {
	Protocol   int            `json:"protocol"` // 1
	Sweep      string         `json:"sweep"`
	Trial      int            `json:"trial"`
	Attempt    int            `json:"attempt"`    // from 1
	Parameters map[string]any `json:"parameters"` // by name: numbers, words, true and false
	Seed       int64          `json:"seed"`
	Steps      int            `json:"steps"` // of the whole training
	Until      int            `json:"until"` // step to end at, in (0, Steps]

	CheckpointEvery int     `json:"checkpoint_every"` // steps
	Resume          string  `json:"resume,omitempty"` // folder of the checkpoint to continue from
	ResumeStep      int     `json:"resume_step,omitempty"`
	Staging         string  `json:"staging"`          // existing folder to write checkpoints into
	Device          string  `json:"device,omitempty"` // CUDA_VISIBLE_DEVICES
	SecondsToSave   float64 `json:"seconds_to_save"`  // between SIGTERM and the end

	Dataset         *sweep.Dataset `json:"dataset,omitempty"`           // of the spec; nil if it has none
	SamplesPerClass int            `json:"samples_per_class,omitempty"` // to write at Until; only with Dataset
}

// ProgramDir is the folder of a program of the user within the staging folder of its attempt,
// and ProgramFile its job file there.
const (
	ProgramDir  = ".program"
	ProgramFile = "job.json"
)

// ProgramVariable is the environment variable with the path of a program's job file.
const ProgramVariable = "TAILSWEEP_JOB"

// ProgramMark returns the entry in the environment of the program of the attempt with this
// staging folder, and of all processes that it starts. No other process has it.
func ProgramMark(staging string) string {
	return ProgramVariable + "=" + filepath.Join(staging, ProgramDir, ProgramFile)
}

// NewProgram returns the public part of a job of a spec with a trainer. The caller sets
// ResumeStep, Staging and Device.
func NewProgram(t Train) Program {
	p := Program{
		Protocol: Protocol, Sweep: t.Spec.Name, Trial: t.Assignment.Number, Attempt: t.Attempt, Parameters: map[string]any{}, Seed: t.Assignment.Seed,
		Steps: t.Spec.Train.Steps, Until: cmp.Or(t.Until, t.Spec.Train.Steps), CheckpointEvery: t.Spec.Checkpoints.EverySteps,
		Resume: t.Resume, Staging: t.Staging, SecondsToSave: float64(t.Spec.Trainer.SecondsToSave),
	}
	for name, v := range t.Assignment.Params {
		p.Parameters[name] = plain(v)
	}
	if t.Spec.EvaluatesSamples() {
		p.Dataset, p.SamplesPerClass = &t.Spec.Dataset, t.Spec.Evaluate.SamplesPerClass
	}
	return p
}

// plain is a parameter's value as programs get it: the words true and false are booleans.
func plain(v sweep.Value) any {
	switch {
	case !v.IsWord():
		return v // as a number
	case v.String() == "true", v.String() == "false":
		return v.String() == "true"
	}
	return v.String()
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
	Metrics    Type = "metrics"    // Step, Evaluation: only of programs of the user; tailsweep adds it to done
	Checkpoint Type = "checkpoint" // Step, Dir: the folder is complete and synced to disk; events of later steps may come first, since training continues meanwhile
	Done       Type = "done"       // Step, Steps, Losses; Step is below Steps where the job ends before the training does; Evaluation, if the trainer itself measures
	Diverged   Type = "diverged"   // Step, Losses: a value is not finite; nothing was saved of this step
	Preempted  Type = "preempted"  // Step: asked to stop; a checkpoint event came before
	Result     Type = "result"     // Evaluation
	Error      Type = "error"      // Class, Message
)

// Known reports whether this build has the type.
func (t Type) Known() bool {
	return t.Last() || slices.Contains([]Type{Opened, Loading, Started, Compiling, Progress, Metrics, Checkpoint}, t)
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
	Type           Type               `json:"type"`
	Step           int                `json:"step,omitempty"`
	Steps          int                `json:"steps,omitempty"`
	Backend        string             `json:"backend,omitempty"`
	Device         string             `json:"device,omitempty"`
	Point          *sweep.CurvePoint  `json:"point,omitempty"`
	Values         map[string]float64 `json:"losses,omitempty"` // of a program of the user, in place of Point
	StepsPerSecond float64            `json:"steps_per_second,omitempty"`
	Memory         int64              `json:"memory,omitempty"` // resident bytes of the child; 0 where the system does not report it
	Dir            string             `json:"dir,omitempty"`
	sweep.Losses
	*sweep.Evaluation                    // of a result, of metrics and of a done, else nil
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
