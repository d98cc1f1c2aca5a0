package activities

import (
	"context"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Progress is how far a child has come. Checkpoint is set, to a folder on this
// machine, when a checkpoint is complete there.
type Progress struct {
	Step           int               `json:"step"`
	Steps          int               `json:"steps"`
	Point          *sweep.CurvePoint `json:"point,omitempty"` // the last of the curve
	StepsPerSecond float64           `json:"steps_per_second"`
	Loaded         int               `json:"loaded,omitempty"`    // images read, before the first step
	Compiling      bool              `json:"compiling,omitempty"` // the backend compiles: no step finishes for a while
	Backend        string            `json:"backend"`
	Checkpoint     string            `json:"-"`
	Reports        int               `json:"-"` // of the child so far: one of the same step again is a sign of life, too
}

// Outcome is how a training child ended when nothing failed.
type Outcome struct {
	Status sweep.Outcome `json:"status"`
	Step   int           `json:"step"`
	sweep.Losses
	Backend string `json:"backend"`

	// Evaluation is what a program of the user has measured at Step; nil for the built-in trainer.
	Evaluation *sweep.Evaluation `json:"evaluation,omitempty"`
}

// Trainer runs one job at a time in a slot. report is called from one goroutine. A slow
// report delays further events but not the training. When ctx ends the job is killed;
// when drain closes it is asked to stop, and the outcome is
// sweep.OutcomePreempted, never sweep.OutcomeTimeUp. Errors are *sweep.FailureError or
// wrap one, except those that report returned with a BlockReason, which are returned as
// they are.
type Trainer interface {
	Train(ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(Progress) error) (Outcome, error)
	Evaluate(ctx context.Context, job sweep.EvaluateJob, report func(Progress) error) (sweep.Evaluation, error)
}

// Datasets downloads the files of a dataset, if they are missing, to the folder where the
// Trainer's jobs look for them. It has its own timeouts. An error that is not a
// *sweep.FailureError may be a network failure.
type Datasets interface {
	Dataset(ctx context.Context, d sweep.Dataset) error
}

// Archive is the object store with its sweeps.
type Archive interface {
	// For returns the ports with which one sweep works. The error has the BlockReason
	// WrongStore if the sweep's store is another one. Every write and removal fails with
	// the BlockReason NotOwner, before it changes anything, if the name of the sweep
	// belongs to another one. Checkpoints of trainings by a spec with another digest
	// are errors that wrap ErrCorrupt; "" accepts any.
	For(ctx context.Context, owner sweep.Identity, digest string) (Checkpoints, Records, error)
	// Owns returns an error with the BlockReason NotOwner if the name of the sweep
	// belongs to another one.
	Owns(ctx context.Context, sweepName string, owner sweep.Identity) error
}

// CheckpointRef names a checkpoint in the archive.
type CheckpointRef struct {
	Key  string `json:"key"` // of its folder; "" for none
	Step int    `json:"step"`
}

// Checkpoints stores checkpoint folders, complete or absent. Errors that wrap ErrCorrupt,
// ErrConflict or *fs.PathError (this machine's disk), that have a BlockReason, or a
// *sweep.FailureError of a class that is not retried, are permanent; others may be
// transient. A method Silence returns how long the store was silent before the error. One
// with a method Transient that returns true is of a store that fails: after
// Transfers.RetryFor it does not count as a failure of the trial, others do.
type Checkpoints interface {
	// List returns the checkpoints of all attempts at a trial, highest step first: those
	// that are complete, and those whose upload or removal was interrupted.
	List(ctx context.Context, sweepName string, trial int) (complete, partial []CheckpointRef, err error)
	// Upload verifies the folder against its manifest and stores it, manifest
	// last. Storing an equal one again is not an error.
	Upload(ctx context.Context, sweepName string, trial, attempt int, dir string) (CheckpointRef, error)
	// Download downloads and verifies; dir is absent or complete afterwards. A
	// checkpoint that fails verification is an error that wraps ErrCorrupt. size, which may be
	// nil, is called with the bytes of all files before the first one.
	Download(ctx context.Context, key, dir string, size func(bytes int64)) error
	// CheckManifest returns an error that wraps ErrCorrupt if the manifest of a complete
	// checkpoint is damaged. It reads no other file.
	CheckManifest(ctx context.Context, key string) error
	// KeepCurve copies a complete checkpoint's loss curve to where it outlives Remove.
	// Copying it again, or one that has no curve, is not an error. The error of a damaged
	// manifest wraps ErrCorrupt.
	KeepCurve(ctx context.Context, key string) error
	// Remove deletes a checkpoint, manifest first.
	Remove(ctx context.Context, key string) error
}

// Records stores what is not a checkpoint.
type Records interface {
	// AppendSegment creates ledger segment number seg. The same content again is
	// success, different content an error that wraps ErrConflict.
	AppendSegment(ctx context.Context, sweepName string, seg int, trials []sweep.Trial) error
	// Ledger reads the first segs segments, in order. The error of a ledger that fails
	// verification has a BlockReason.
	Ledger(ctx context.Context, sweepName string, segs int) ([]sweep.Trial, error)
	// CheckEarlier returns an error with the BlockReason NotOwner if an earlier sweep is
	// not there any more, is not the one that was named, or has no identity.
	CheckEarlier(ctx context.Context, e sweep.Earlier) error
	// Earlier returns the spec of an earlier sweep and the segments of its ledger that
	// were named. It checks the sweep as CheckEarlier does.
	Earlier(ctx context.Context, e sweep.Earlier) (*sweep.Spec, []sweep.Trial, error)
	// Compact makes the first segs segments readable with few requests. The ledger is
	// complete without it.
	Compact(ctx context.Context, sweepName string, segs int) error
	// CreateResult stores the result of a trial that has none, and returns the trial's
	// result: the given one or that which was stored before.
	CreateResult(ctx context.Context, sweepName string, trial sweep.Trial) (stored sweep.Trial, err error)
	// PutResult replaces a trial's result.
	PutResult(ctx context.Context, sweepName string, trial sweep.Trial) error
	// Result returns the trial's result, ok=false when it has none.
	Result(ctx context.Context, sweepName string, trial int) (result sweep.Trial, ok bool, err error)
	// Files downloads the files of the sweep's trainer into dir, which it makes, verified.
	// digests has the SHA-256 of each by its path. A missing or changed file is a
	// *sweep.FailureError of class bad data that names it.
	Files(ctx context.Context, sweepName string, digests map[string]string, dir string) error
	// PutGrid stores the PNG at path and returns its key.
	PutGrid(ctx context.Context, sweepName string, trial int, path string) (key string, err error)
	// PutLog stores the output of an attempt, kept at path.
	PutLog(ctx context.Context, sweepName string, trial, attempt int, path string) error
	// PutCommandEntry stores an entry of the sweep's command log. The same entry again is success.
	PutCommandEntry(ctx context.Context, sweepName string, entry conduct.CommandEntry) error
	// PutState replaces the sweep's state, a conduct.State.
	PutState(ctx context.Context, sweepName string, state []byte) error
	// PutBest moves the sweep's best pointer.
	PutBest(ctx context.Context, sweepName string, best []int, trials []sweep.Trial) error
}

// Recorder exports numbers to Prometheus.
type Recorder interface {
	TrialProgress(sweepName string, trial int, p Progress)
	EvaluationProgress(sweepName string, trial, images int) // done so far
	TrialEnded(sweepName string, t sweep.Trial)             // removes the trial's own series
	Restart(sweepName string, class sweep.FailureClass)
	CheckpointStored(sweepName string, bytes int64, seconds float64)
	SweepState(sweepName string, s SweepNumbers)
}

// SweepNumbers are a sweep's gauges.
type SweepNumbers struct {
	Running    int
	ByStatus   map[sweep.Status]int
	Planned    int                // 0 when unknown
	Objectives []sweep.Objective  // of the spec in force
	Free       []string           // metrics that this spec names and that are not in the closed list
	Best       map[string]float64 // by metric name, "fid.tail": the best completed trial's own value of each metric
	GPUHours   float64
	Active     bool
	Blocked    []block.Reason // why the sweep or its trials are blocked
}

// ExecutionStatus is the state of a workflow execution.
type ExecutionStatus string

// The states.
const (
	ExecutionRunning    ExecutionStatus = "running"
	ExecutionCompleted  ExecutionStatus = "completed"
	ExecutionFailed     ExecutionStatus = "failed"
	ExecutionCancelled  ExecutionStatus = "cancelled"
	ExecutionTerminated ExecutionStatus = "terminated"
	ExecutionTimedOut   ExecutionStatus = "timed out"
)

// Executions reaches other workflows; NewExecutions asks Temporal.
type Executions interface {
	// Status returns the state and the start of the latest run of a workflow, or an error
	// that wraps ErrNoExecution when there is none or it is past its retention.
	Status(ctx context.Context, workflowID string) (status ExecutionStatus, started time.Time, err error)
	// Signal signals the latest run of a workflow. The error wraps ErrNoExecution when
	// there is none or it has ended.
	Signal(ctx context.Context, to Receiver, content any) error
	// Awaits reports whether Temporal still waits for the attempt of an activity with this
	// token. It sends a heartbeat, which Temporal has once Awaits returns true.
	Awaits(ctx context.Context, token []byte, h Heartbeat) (bool, error)
}
