package sweep

import (
	"maps"
	"slices"
	"time"
)

// Params assigns a value to each active parameter. A parameter whose `when` is
// false has no entry. JSON writes the names in order, so equal Params have equal
// bytes.
type Params map[string]Value

// Key returns the JSON of params: two Params have the same key if and only if they are
// equal.
func (p Params) Key() string {
	text := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendQuoted(text, name), ':')
		text = p[name].AppendJSON(text)
	}
	return string(append(text, '}'))
}

// List returns the parameters as "infonce.weight=0.3", by name. Numbers are shortened.
func (p Params) List() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, name+"="+p[name].Short())
	}
	return list
}

// Kind says why a trial exists.
type Kind string

// The kinds of trial.
const (
	KindSearch   Kind = "search"
	KindBaseline Kind = "baseline"
)

// Status is how a trial ended.
type Status string

// The terminal statuses. A diverged trial (loss not finite) is a result, not an
// error; so is a stopped one, which early_terminate ended at a rung.
const (
	StatusCompleted Status = "completed"
	StatusStopped   Status = "stopped"
	StatusDiverged  Status = "diverged"
	StatusFailed    Status = "failed"
	StatusCancelled Status = "cancelled"
)

// StatusList lists all statuses.
func StatusList() []Status {
	return []Status{StatusCompleted, StatusStopped, StatusDiverged, StatusFailed, StatusCancelled}
}

// Assignment is a trial that was decided on, before it has run.
type Assignment struct {
	Number int    `json:"number"` // 0-based, in order of suggestion, baseline trials first
	Kind   Kind   `json:"kind"`
	Params Params `json:"params"`
	Seed   int64  `json:"seed"` // train seed
	Reason Reason `json:"reason"`

	// Request numbers the trials that a user asked for with enqueue, retry or points,
	// from 1; 0 is a trial that the search or the baseline asked for.
	Request int `json:"request,omitempty"`
}

// Sources of a requested trial, in place of a Method in Reason.Sampler.
const (
	SourcePoints = "points" // of the spec
	SourceUser   = "enqueue"
	SourceRetry  = "retry"
)

// Reason is why a sampler chose a configuration; `tailsweep explain` shows it.
type Reason struct {
	Sampler     string              `json:"sampler"`               // a Method, baseline, or a Source
	Note        string              `json:"note,omitempty"`        // one sentence, "before 4 results: random"
	Acquisition float64             `json:"acquisition,omitempty"` // the value that the configuration was chosen for; its meaning depends on the sampler
	Posterior   map[string]Estimate `json:"posterior,omitempty"`   // bayes: the model's prediction, by metric, in the metric's unit
	Feasible    *float64            `json:"feasible,omitempty"`    // bayes: probability that every constraint is satisfied
	Hyper       map[string]float64  `json:"hyper,omitempty"`       // parameters of the sampler's model
	Seen        *int                `json:"seen,omitempty"`        // finished trials that the choice is a function of: the first ones of the ledger
}

// Estimate is a normal distribution.
type Estimate struct {
	Mean   float64 `json:"mean"`
	StdDev float64 `json:"std_dev"`
}

// Rung is an evaluation of a trial before its end.
type Rung struct {
	Step    int                `json:"step"`             // of training
	Metrics map[string]float64 `json:"metrics"`          // finite only
	Reason  string             `json:"reason,omitempty"` // why the trial continued, or why it was stopped here
}

// Trial is one line of the ledger: a finished trial. The ledger's order is the
// order of completion, and is part of what Suggest is a function of.
type Trial struct {
	Assignment
	Status Status `json:"status"`
	Evaluation
	Gates []string `json:"gates,omitempty"` // the spec's gates that it failed, and why: such a trial has no rank
	Rungs []Rung   `json:"rungs,omitempty"` // by step
	Limit string   `json:"limit,omitempty"` // the limit on a single trial that stopped it, in words
	Steps int      `json:"steps"`           // trained
	Losses
	Attempts   int       `json:"attempts"`             // of training: one for each stage, up to a rung or the end, plus retries; see Tries
	Checkpoint string    `json:"checkpoint,omitempty"` // key of the final checkpoint's folder
	Backend    string    `json:"backend,omitempty"`    // xla:cpu | xla:cuda | go
	Builds     []string  `json:"builds,omitempty"`     // of the workers that trained and evaluated it, by name
	TrainTime  float64   `json:"train_seconds"`        // seconds in training children, all attempts
	EvalTime   float64   `json:"evaluate_seconds"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	Error      *Failure  `json:"error,omitempty"`
}

// AtStep returns the rung that a trial has reached. metrics are those of the evaluation
// there; loss and steps_per_second come from t, the trial so far.
func (t Trial) AtStep(metrics map[string]float64) Rung {
	t.Status, t.Metrics = StatusCompleted, metrics
	r := Rung{Step: t.Steps, Metrics: make(map[string]float64, len(metrics)+2)}
	for _, name := range append(MetricNames(metrics), MetricLoss, MetricStepsPerSecond) {
		if value, ok := t.Metric(name); ok {
			r.Metrics[name] = value
		}
	}
	return r
}

// StopReason returns why a stopped trial was stopped, "" for any other.
func (t Trial) StopReason() string {
	switch {
	case t.Status != StatusStopped:
		return ""
	case t.Limit != "":
		return t.Limit
	case len(t.Rungs) == 0:
		return ""
	}
	return t.Rungs[len(t.Rungs)-1].Reason
}

// Tries returns how often a trial's training started because of failures, the first
// time included: 1 if nothing went wrong. Attempts, which name the folders of logs, count
// each rung from which the trial continued, too. For a trial that was cancelled at a
// rung the result may be 1 too low.
func (t Trial) Tries() int {
	stages := len(t.Rungs) + 1
	if t.Status == StatusStopped && t.Limit == "" {
		stages = len(t.Rungs) // it did not continue from the last
	}
	return max(0, t.Attempts-stages) + min(t.Attempts, 1)
}

// Task describes a trial to the processes that work on it.
type Task struct {
	Spec       Spec       `json:"spec"`
	Assignment Assignment `json:"assignment"`
	Attempt    int        `json:"attempt"` // at training, from 1; each number is used once per trial

	Digest string   `json:"digest,omitempty"` // of Spec, as the sweep knows it: a program that does not know a field of Spec computes another one
	Owner  Identity `json:"owner,omitzero"`   // the sweep whose trial it is
}

// TrainJob is one attempt at training a trial, on one machine.
type TrainJob struct {
	Task
	Until   int    `json:"until,omitempty"`  // step to end at, with a checkpoint; 0: the last step
	Staging string `json:"staging"`          // existing folder in which complete checkpoints appear, as step-%010d
	Resume  string `json:"resume,omitempty"` // folder of a verified checkpoint to resume from
	Parent  string `json:"parent,omitempty"` // key of that checkpoint, for the manifest
	Files   string `json:"files,omitempty"`  // folder with the verified files of the spec's trainer, if it has any
}

// Outcome is how an attempt at training ended when nothing failed.
type Outcome string

// The outcomes.
const (
	OutcomeDone      Outcome = "done" // with a checkpoint, at the step that it was to train to
	OutcomeDiverged  Outcome = "diverged"
	OutcomePreempted Outcome = "preempted" // after a checkpoint
	OutcomeTimeUp    Outcome = "time_up"   // preempted by max_trial_time
)

// EvaluateJob is the evaluation of one checkpoint, on one machine.
type EvaluateJob struct {
	Task
	Checkpoint string `json:"checkpoint"` // folder of a verified checkpoint
	Output     string `json:"output"`     // existing folder that grid.png is written into
}
