package activities

import (
	"encoding/json"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// SuggestInput asks for Count more search trials.
type SuggestInput struct {
	Owner    sweep.Identity      `json:"owner,omitzero"` // the sweep that asks, in this and in all inputs
	Count    int                 `json:"count"`
	Spec     sweep.Spec          `json:"spec"`
	Edited   bool                `json:"edited,omitempty"` // the spec has changed since the first trials
	Segments int                 `json:"segments"`         // number of ledger segments to use
	Pending  conduct.Assignments `json:"pending"`          // started and not in these segments, by number
	Number   int                 `json:"number"`           // of the first trial
	Index    int                 `json:"index"`            // of the first trial among the suggested ones
}

// SuggestResult has the suggestions, and why they are fewer than were asked for.
type SuggestResult struct {
	Assignments []sweep.Assignment `json:"assignments"`
	Exhausted   bool               `json:"exhausted,omitempty"` // nothing is left to try
	Wait        bool               `json:"wait,omitempty"`      // wait until a pending trial ends; only with repeats
}

// TrainInput asks for one attempt at training a trial.
type TrainInput struct {
	sweep.Task
	After sweep.FailureClass `json:"after,omitempty"` // the failure that ended the attempt before
	Until int                `json:"until,omitempty"` // step of the rung to train to; 0: the last step

	// Left is what remains of max_trial_time, 0 without a limit. Waited is true if the
	// trial has trained before; then the wait for a worker counts toward the limit.
	Left   time.Duration `json:"left,omitempty"`
	Waited bool          `json:"waited,omitempty"`

	Report Receiver `json:"report"` // of a conduct.TrialBlocked

	// BlockedBy is why the sweep may show the trial as blocked, "" if it does not. The attempt
	// reports that it no longer is: if only writes may be refused, after a stored checkpoint,
	// otherwise after the first step.
	BlockedBy block.Reason `json:"blocked_by,omitempty"`
}

// Receiver is where a signal is sent to.
type Receiver struct {
	Workflow string `json:"workflow"` // id
	Name     string `json:"name"`     // of the signal
}

// TrainResult is an attempt that did not fail.
type TrainResult struct {
	Outcome
	Shown
	Checkpoint CheckpointRef `json:"checkpoint"` // the last one stored; a done attempt's final one
	Seconds    float64       `json:"seconds"`    // in the slot
	Build      string        `json:"build"`      // of the worker
}

// Shown has why the sweep may show the trial as blocked at the end of an attempt, because this
// attempt or one before has reported it.
type Shown struct {
	BlockedBy block.Reason `json:"blocked_by,omitempty"` // "" if the sweep does not show it
	Blocked   bool         `json:"blocked,omitempty"`    // only read: earlier builds wrote it instead of the reason
}

// Reason returns the reason, Other if an earlier build has left it out, "" for none.
func (s Shown) Reason() block.Reason {
	if s.Blocked && s.BlockedBy == "" {
		return block.Other
	}
	return s.BlockedBy
}

// EvaluateInput asks for the evaluation of a checkpoint of a trial.
type EvaluateInput struct {
	sweep.Task                    // Attempt is that of the training that made the checkpoint
	Checkpoint CheckpointRef      `json:"checkpoint"`
	After      sweep.FailureClass `json:"after,omitempty"`      // the failure that ended the attempt before
	Rung       bool               `json:"rung,omitempty"`       // evaluate as evaluate.rung says
	Report     Receiver           `json:"report"`               // of a conduct.TrialBlocked
	BlockedBy  block.Reason       `json:"blocked_by,omitempty"` // as in TrainInput, with the first sample as the first step
}

// EvaluateResult is an evaluation whose grid is in the archive.
type EvaluateResult struct {
	sweep.Evaluation
	Shown
	Seconds float64 `json:"seconds"` // in the slot
	Build   string  `json:"build"`   // of the worker
}

// Stage is what a training activity is doing.
type Stage string

// The stages.
const (
	StageTrain    Stage = "train"
	StageEvaluate Stage = "evaluate"
)

// Heartbeat is the detail of a heartbeat of Train and Evaluate, and of the error
// that ends an attempt, so that what an attempt did is known however it ended.
type Heartbeat struct {
	Stage      Stage         `json:"stage"`
	Attempt    int           `json:"attempt"`
	Progress   Progress      `json:"progress"`
	Checkpoint CheckpointRef `json:"checkpoint"` // the last one stored, or resumed from
	Seconds    float64       `json:"seconds"`    // in the slot, by this attempt
	Shown
}

// PublishInput asks for a finished trial to be recorded, and reported to its sweep.
type PublishInput struct {
	Owner  sweep.Identity `json:"owner,omitzero"`
	Sweep  string         `json:"sweep"`
	Trial  sweep.Trial    `json:"trial"`
	Report Receiver       `json:"report"` // of the TrialResult
}

// TrialResult is what a trial signals to its sweep: the trial as it was recorded.
// Idempotent by trial number.
type TrialResult struct {
	Trial sweep.Trial `json:"trial"`
}

// PublishResult is what was recorded.
type PublishResult struct {
	TrialResult
	Reported bool `json:"reported"` // the sweep has received it, or has ended; otherwise the workflow must report it
}

// AppendSegmentInput asks for the ledger to grow.
type AppendSegmentInput struct {
	Owner   sweep.Identity `json:"owner,omitzero"`
	Sweep   string         `json:"sweep"`
	Segment int            `json:"segment"`        // number of the segment, from 0, assigned by the workflow
	Trials  []sweep.Trial  `json:"trials"`         // in order of completion
	Rank    *RankInput     `json:"rank,omitempty"` // what to rank once the segment is stored
}

// AppendSegmentResult has the result of Rank if the segment was stored as it was given,
// and otherwise Taken.
type AppendSegmentResult struct {
	RankResult
	Taken []sweep.Trial `json:"taken,omitempty"` // the trials that the ledger has under this number, where they are not those of the input
}

// RankInput asks for the order of trials that the ledger has.
type RankInput struct {
	Owner    sweep.Identity `json:"owner,omitzero"`
	Spec     sweep.Spec     `json:"spec"`
	Segments int            `json:"segments"` // number of ledger segments to use
	Numbers  []int          `json:"numbers"`
}

// RankResult has the numbers of those trials that completed, best first. For a
// configuration with several seeds it has only the first trial.
type RankResult struct {
	Numbers    []int `json:"numbers,omitempty"`
	Infeasible []int `json:"infeasible,omitempty"` // all trials of the ledger that were evaluated at rungs and finally violated a constraint, ascending
}

// CurateInput asks to point at the sweep's best trials, and to remove the checkpoints
// of trials that are no longer among them.
type CurateInput struct {
	Owner    sweep.Identity `json:"owner,omitzero"`
	Sweep    string         `json:"sweep"`
	Segments int            `json:"segments"` // of the ledger, which has the leaders
	Leaders  []int          `json:"leaders"`  // best first
	Evicted  []string       `json:"evicted"`  // keys of checkpoints
}

// SaveInput asks to store entries of a sweep's command log, then its state.
type SaveInput struct {
	Owner   sweep.Identity         `json:"owner,omitzero"`
	Sweep   string                 `json:"sweep"`
	Entries []conduct.CommandEntry `json:"entries"`
	State   json.RawMessage        `json:"state,omitempty"` // a conduct.State
}

// RecordInput has the numbers of a sweep to export to Prometheus.
type RecordInput struct {
	Sweep   string       `json:"sweep"`
	Numbers SweepNumbers `json:"numbers"`
}

// ReconcileInput asks whether trials that have not reported still run, and whether a
// further trial was started.
type ReconcileInput struct {
	Owner  sweep.Identity `json:"owner,omitzero"`
	Sweep  string         `json:"sweep"`
	Silent []SilentTrial  `json:"silent"`

	// Next is a trial that this run did not start, nil for none. A run before a reset may
	// have started it after StartedAt. Anything older belongs to an earlier sweep with the
	// same name.
	Next *SilentTrial `json:"next,omitempty"`
}

// SilentTrial is a started trial without a result.
type SilentTrial struct {
	Workflow   string           `json:"workflow"` // id
	Assignment sweep.Assignment `json:"assignment"`
	StartedAt  time.Time        `json:"started_at"`
}

// ReconcileResult has the trials that will never report, with their results, and
// whether Next was started.
type ReconcileResult struct {
	Ended []sweep.Trial `json:"ended,omitempty"`
	Left  []int         `json:"left,omitempty"` // trials that were not looked for, since Ended would be too large for a payload
	Found bool          `json:"found,omitempty"`
}
