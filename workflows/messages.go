package workflows

import (
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// ControlQueue is the task queue of both workflows and of the control
// activities. Training activities run on sweep.Resources.Queue.
const ControlQueue = "tailsweep-control"

// Message names.
const (
	QueryProgress = "progress" // -> Progress
	UpdatePause   = "pause"    // Command -> Progress: no new trials start
	UpdateResume  = "resume"   // Command -> Progress
	UpdateStop    = "stop"     // Command -> Progress: running trials finish, then the sweep ends
	UpdateCancel  = "cancel"   // Command -> Progress: running trials are cancelled, their checkpoints kept
	SignalResult  = "result"   // TrialResult: from a trial to its sweep
	SignalRung    = "rung"     // RungReport: from a trial to its sweep, which answers with
	SignalVerdict = "verdict"  // RungVerdict: from a sweep to its trial
)

// Search attributes, all registered by the stack and by docker-compose.
const (
	AttrState    = "TailsweepState"    // Keyword: a Phase, or a sweep.Status for a trial
	AttrSweep    = "TailsweepSweep"    // Keyword: the sweep's name, on sweeps and trials
	AttrDone     = "TailsweepDone"     // Int: trials in the ledger
	AttrBestHead = "TailsweepBestHead" // Double: fid.head of the best trial; on a trial its own
	AttrBestTail = "TailsweepBestTail" // Double: fid.tail of the best trial; on a trial its own
	AttrGPUHours = "TailsweepGPUHours" // Double
)

// SearchAttributes lists them with their Temporal types, for registration.
func SearchAttributes() map[string]string {
	return map[string]string{
		AttrState: "Keyword", AttrSweep: "Keyword", AttrDone: "Int",
		AttrBestHead: "Double", AttrBestTail: "Double", AttrGPUHours: "Double",
	}
}

// Workflow types, as they are registered.
const (
	TypeSweep = "Sweep"
	TypeTrial = "Trial"
)

// SweepID is the workflow id of a sweep.
func SweepID(name string) string { return "sweep/" + name }

// TrialID is the workflow id of a sweep's trial.
func TrialID(name string, number int) string { return fmt.Sprintf("sweep/%s/trial/%06d", name, number) }

// Phase is where a sweep is in its life.
type Phase string

// The phases; the last four are final.
const (
	PhaseRunning    Phase = "running"
	PhasePaused     Phase = "paused"
	PhaseStopping   Phase = "stopping"
	PhaseCancelling Phase = "cancelling"
	PhaseCompleted  Phase = "completed"
	PhaseStopped    Phase = "stopped"
	PhaseCancelled  Phase = "cancelled"
	PhaseFailed     Phase = "failed"
)

// Command is the argument of every Update: who asks, and why.
type Command struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Progress is a sweep at a glance; what a finished Sweep returns, too.
type Progress struct {
	Name      string               `json:"name"`
	Digest    string               `json:"digest"`
	Phase     Phase                `json:"phase"`
	Planned   int                  `json:"planned"` // trials, baseline included; 0 when unknown
	Finished  int                  `json:"finished"`
	Segments  int                  `json:"segments"` // of the ledger
	Counts    map[sweep.Status]int `json:"counts"`
	Running   []RunningTrial       `json:"running"`        // by number
	Best      *BestTrial           `json:"best,omitempty"` // by the first metric
	GPUHours  float64              `json:"gpu_hours"`
	StartedAt time.Time            `json:"started_at"`
	EndedAt   *time.Time           `json:"ended_at,omitempty"`
	Message   string               `json:"message,omitempty"` // why it failed, who stopped it
	Audit     []AuditEntry         `json:"audit,omitempty"`
}

// RunningTrial is a started trial without a result.
type RunningTrial struct {
	sweep.Assignment
	StartedAt time.Time    `json:"started_at"`
	Verdict   *RungVerdict `json:"verdict,omitempty"` // the last one
}

// RungReport is what a trial signals to its sweep at a rung. Idempotent by trial
// number and step: asked again, a sweep answers again.
type RungReport struct {
	Trial   int                `json:"trial"`
	Step    int                `json:"step"`
	Metrics map[string]float64 `json:"metrics"` // the spec's objectives, finite only
}

// RungVerdict is what a sweep signals to a trial that waits at a rung.
type RungVerdict struct {
	Step int `json:"step"`
	stopping.Verdict
}

// BestTrial is the leading trial.
type BestTrial struct {
	Number  int                `json:"number"`
	Params  sweep.Params       `json:"params"`
	Metrics map[string]float64 `json:"metrics"`
}

// AuditEntry is one accepted command.
type AuditEntry struct {
	At      time.Time `json:"at"`
	Command string    `json:"command"`
	By      string    `json:"by"`
	Reason  string    `json:"reason,omitempty"`
}

// SweepInput starts a Sweep; State is set only when it continues as new.
type SweepInput struct {
	Spec   sweep.Spec `json:"spec"`
	Digest string     `json:"digest"`
	State  *State     `json:"state,omitempty"`

	// ContinueAfter is how many ledger segments a run appends before it continues
	// as new; 0 leaves it to Temporal. Tests set it.
	ContinueAfter int `json:"continue_after,omitempty"`
}

// TrialInput starts a Trial.
type TrialInput struct {
	Spec       sweep.Spec       `json:"spec"`
	Assignment sweep.Assignment `json:"assignment"`
}

// TrialResult is what a trial signals to its sweep. Idempotent by trial number.
type TrialResult struct {
	Trial sweep.Trial `json:"trial"`
}
