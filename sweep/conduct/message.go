package conduct

import (
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// Phase is where a sweep is in its life.
type Phase string

// The phases; the last five are final.
const (
	PhaseRunning    Phase = "running"
	PhasePaused     Phase = "paused"
	PhaseStopping   Phase = "stopping"
	PhaseCancelling Phase = "cancelling"
	PhaseCompleted  Phase = "completed"
	PhaseStopped    Phase = "stopped"
	PhaseCancelled  Phase = "cancelled"
	PhaseFailed     Phase = "failed"

	// PhaseTerminated is the phase of a sweep whose workflow Temporal ended from outside.
	PhaseTerminated Phase = "terminated"
)

// Final reports whether a sweep in this phase has ended.
func (p Phase) Final() bool {
	switch p {
	case PhaseCompleted, PhaseStopped, PhaseCancelled, PhaseFailed, PhaseTerminated:
		return true
	default:
		return false
	}
}

// RungReport has the metrics of a trial at a rung. A repeated report (same trial and
// step) gets the same verdict.
type RungReport struct {
	Trial   int                `json:"trial"`
	Step    int                `json:"step"`
	Metrics map[string]float64 `json:"metrics"` // the spec's objectives, finite only
}

// RungVerdict is the verdict on a RungReport.
type RungVerdict struct {
	Step int `json:"step"`
	stopping.Verdict
}

// CommandEntry is an entry of the command log: a command, the end of a sweep, or requests that it drops. A command
// that is refused while its sender waits has none. The store keeps all entries.
type CommandEntry struct {
	Number  int         `json:"number"`       // from 1
	ID      string      `json:"id,omitempty"` // of the command
	At      time.Time   `json:"at"`
	Command string      `json:"command"` // its name, EntryEnd or EntrySkip
	By      string      `json:"by,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Change  string      `json:"change,omitempty"`  // what it changed, in words: "budget.run_cap 6 -> 10"
	Refused string      `json:"refused,omitempty"` // why it changed nothing
	Spec    *sweep.Spec `json:"spec,omitempty"`    // the spec in force afterwards, if it changed
	Trials  []int       `json:"trials,omitempty"`  // pin and unpin: of which trials
}

// The Command of entries that a sweep makes itself.
const (
	EntryEnd  = "end"  // it has ended
	EntrySkip = "skip" // requested trials are dropped: after an edit they are not of the search space
)

// BlockCause is why an action failed, which blocks the sweep or the trial until the cause is
// removed.
type BlockCause struct {
	Reason    block.Reason `json:"reason"`
	Message   string       `json:"message"`
	Permanent bool         `json:"permanent,omitempty"` // a retry cannot succeed: a bug
}

// TrialBlocked is the report of a blocked trial; Cause is nil once it is no longer
// blocked.
type TrialBlocked struct {
	Trial int         `json:"trial"`
	Cause *BlockCause `json:"cause,omitempty"`
}

// Block is an action that keeps failing and is tried again.
type Block struct {
	Kind  Kind   `json:"kind"`
	Doing string `json:"doing"` // "append ledger segment 3"
	BlockCause
	Since    time.Time `json:"since"`    // the first failure
	Failures int       `json:"failures"` // in a row
	RetryAt  time.Time `json:"retry_at"`
}

// Text returns one line: what is blocked, and why.
func (b Block) Text() string {
	return fmt.Sprintf("cannot %s (%s): %s", b.Doing, b.Reason, text.FirstLine(b.Message))
}

// Progress is a sweep at a glance; what a finished sweep returns, too.
type Progress struct {
	Name       string               `json:"name"`
	Digest     string               `json:"digest"`
	Owner      sweep.Identity       `json:"owner,omitzero"` // set by the workflow
	Phase      Phase                `json:"phase"`
	Planned    int                  `json:"planned"` // trials, baseline included; 0 when unknown
	Finished   int                  `json:"finished"`
	Segments   int                  `json:"segments"` // of the ledger
	Counts     map[sweep.Status]int `json:"counts"`
	Running    []Running            `json:"running"`           // by number
	Blocked    []Block              `json:"blocked,omitempty"` // what keeps failing, and why
	Objectives []sweep.Objective    `json:"objectives"`        // of the spec in force
	Free       []string             `json:"free,omitempty"`    // metrics that the spec in force names and only its program knows
	Best       *BestTrial           `json:"best,omitempty"`    // by the first metric
	GPUHours   float64              `json:"gpu_hours"`
	StartedAt  time.Time            `json:"started_at"`
	Idle       sweep.Duration       `json:"idle,omitzero"` // between ends and the commands that continued the sweep
	EndedAt    *time.Time           `json:"ended_at,omitempty"`
	Message    string               `json:"message,omitempty"` // why it failed, who stopped it
	CommandLog []CommandEntry       `json:"command_log,omitempty"`
	Queue      []sweep.Assignment   `json:"queue,omitempty"`  // trials that users asked for and that have not started, without numbers
	Pinned     []int                `json:"pinned,omitempty"` // trials whose checkpoints are kept because a user asked for it
	Kept       []int                `json:"kept"`             // trials whose checkpoints are kept because of their rank, ascending
}

// Elapsed returns how long the sweep has run until now, or until its end, without Idle.
func (p Progress) Elapsed(now time.Time) time.Duration {
	if p.EndedAt != nil {
		now = *p.EndedAt
	}
	return now.Sub(p.StartedAt) - time.Duration(p.Idle)
}

// BestTrial is the leading trial.
type BestTrial struct {
	Number  int                `json:"number"`
	Params  sweep.Params       `json:"params"`
	Metrics map[string]float64 `json:"metrics"`
}
