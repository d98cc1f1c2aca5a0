package job

import "github.com/tailsweep/tailsweep/sweep"

// Train is the job of training one trial.
type Train struct {
	Spec       sweep.Spec       `json:"spec"`
	Assignment sweep.Assignment `json:"assignment"`
	Staging    string           `json:"staging"`          // folder that whole checkpoints appear in, as step-%010d
	Resume     string           `json:"resume,omitempty"` // folder of a checkpoint to go on from
	Parent     string           `json:"parent,omitempty"` // key of that checkpoint, for the manifest
	Until      int              `json:"until,omitempty"`  // step to end at, with a checkpoint; 0: the last
	Attempt    int              `json:"attempt"`
	Backend    string           `json:"backend"` // auto | go | xla:cpu | xla:cuda
}

// Evaluate is the job of judging one trained checkpoint.
type Evaluate struct {
	Spec       sweep.Spec       `json:"spec"`
	Assignment sweep.Assignment `json:"assignment"`
	Checkpoint string           `json:"checkpoint"` // folder
	Output     string           `json:"output"`     // folder that grid.png is written into
	Backend    string           `json:"backend"`
}

// Type says what an Event is.
type Type string

// The events. A train child ends with exactly one of done, diverged, preempted
// or error; an evaluate child with result or error.
const (
	Loading    Type = "loading"    // Step of Steps images read, where that takes long; before started
	Started    Type = "started"    // Backend, Device, Step (0, or where it resumed), Steps
	Compiling  Type = "compiling"  // nothing moves for a while
	Progress   Type = "progress"   // Step, Steps, Point, StepsPerSecond, Memory; in evaluate: Step of Steps pictures, real ones looked at and samples drawn
	Checkpoint Type = "checkpoint" // Step, Dir: whole, fsynced, manifest inside; later steps may have been told before, since they go on while it is written
	Done       Type = "done"       // Step, Steps, LossFirst, LossLast; Step is below Steps where the job ends before the training does
	Diverged   Type = "diverged"   // Step, LossFirst: loss not finite, nothing was saved at it
	Preempted  Type = "preempted"  // Step: asked to stop, the checkpoint was named before
	Result     Type = "result"     // Metrics, Guidance, Grid, Floor, Features, Spread, Samples, Real
	Error      Type = "error"      // Class, Message
)

// Event is one line of a child's stdout.
type Event struct {
	Type           Type               `json:"type"`
	Step           int                `json:"step,omitempty"`
	Steps          int                `json:"steps,omitempty"`
	Backend        string             `json:"backend,omitempty"`
	Device         string             `json:"device,omitempty"`
	Point          *Point             `json:"point,omitempty"`
	StepsPerSecond float64            `json:"steps_per_second,omitempty"`
	Memory         int64              `json:"memory,omitempty"` // resident bytes of the child; 0 where the system does not tell
	Dir            string             `json:"dir,omitempty"`
	LossFirst      float64            `json:"loss_first,omitempty"`
	LossLast       float64            `json:"loss_last,omitempty"`
	Metrics        map[string]float64 `json:"metrics,omitempty"`
	Guidance       float64            `json:"guidance,omitempty"`
	Grid           string             `json:"grid,omitempty"` // path of the PNG
	Floor          map[string]float64 `json:"floor,omitempty"`
	Features       string             `json:"features,omitempty"` // as in sweep.Trial, and so are Floor and the next three
	Spread         map[string]float64 `json:"spread,omitempty"`
	Samples        int                `json:"samples,omitempty"`
	Real           int                `json:"real,omitempty"`
	Class          sweep.FailureClass `json:"class,omitempty"`
	Message        string             `json:"message,omitempty"`
}

// SecondsLeft is how long the steps that are left take at the event's rate, 0 where
// that is not known.
func (e Event) SecondsLeft() float64 {
	if e.StepsPerSecond <= 0 || e.Steps <= e.Step {
		return 0
	}
	return float64(e.Steps-e.Step) / e.StepsPerSecond
}

// Point is one line of curve.jsonl: means over the LogEvery steps that end at
// Step. The terms beside DDPM are before their weights, and absent when off.
type Point struct {
	Step       int      `json:"step"` // steps done, so the first point of log_every 10 is at 10
	Loss       float64  `json:"loss"`
	DDPM       float64  `json:"ddpm"`
	Infonce    *float64 `json:"infonce,omitempty"`
	Alignment  *float64 `json:"alignment,omitempty"`
	CBDM       *float64 `json:"cbdm,omitempty"`
	T2H        *float64 `json:"t2h,omitempty"`
	CORAL      *float64 `json:"coral,omitempty"`
	Dispersive *float64 `json:"dispersive,omitempty"`
	// Groups is the mean DDPM loss of the samples of head, medium and tail classes, by
	// the true label; a group that none of these steps saw is absent.
	Groups map[string]float64 `json:"groups,omitempty"`
}

// Terms are the fields of the terms beside DDPM by their names.
func (p *Point) Terms() map[string]**float64 {
	return map[string]**float64{
		sweep.TermInfoNCE: &p.Infonce, sweep.TermAlignment: &p.Alignment, sweep.TermCBDM: &p.CBDM,
		sweep.TermT2H: &p.T2H, sweep.TermCORAL: &p.CORAL, sweep.TermDispersive: &p.Dispersive,
	}
}
