package workflows

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// ControlQueue is the task queue of both workflows and of the control
// activities. Training activities run on sweep.Resources.Queue.
const ControlQueue = "tailsweep-control"

// Message names. The names of the Updates are those of conduct.CommandTypes.
const (
	QueryProgress = "progress" // -> conduct.Progress
	SignalResult  = "result"   // activities.TrialResult: from a trial to its sweep
	SignalRung    = "rung"     // conduct.RungReport: from a trial to its sweep
	SignalVerdict = "verdict"  // conduct.RungVerdict: from a sweep to its trial, on a RungReport
	SignalBlocked = "blocked"  // conduct.TrialBlocked: from a trial, or its attempt, to its sweep
	SignalCommand = "command"  // conduct.Commanded: from a client whose Update no worker accepted
)

// Search attributes, all registered by the stack and by docker-compose.
const (
	AttrState    = "TailsweepState"    // Keyword: a conduct.Phase, or a sweep.Status for a trial
	AttrSweep    = "TailsweepSweep"    // Keyword: the sweep's name, on sweeps and trials
	AttrDone     = "TailsweepDone"     // Int: trials in the ledger
	AttrBestHead = "TailsweepBestHead" // Double: the metric MemoHead of the best trial; on a trial its own
	AttrBestTail = "TailsweepBestTail" // Double: the metric MemoTail of the best trial; on a trial its own
	AttrGPUHours = "TailsweepGPUHours" // Double
)

// The entries of a sweep's memo, which Temporal's UI shows.
const (
	memoTrials  = "trials"
	memoBest    = "best"
	MemoBlocked = "blocked" // what blocks the sweep, "" for nothing
	MemoHead    = "head"    // name of the metric of AttrBestHead, see sweep.Spec.HeadAndTail
	MemoTail    = "tail"    // name of the metric of AttrBestTail
)

// SearchAttributes lists them with their Temporal types, for registration.
func SearchAttributes() map[string]string {
	return map[string]string{
		AttrState: "Keyword", AttrSweep: "Keyword", AttrDone: "Int",
		AttrBestHead: "Double", AttrBestTail: "Double", AttrGPUHours: "Double",
	}
}

// Summaries of the timers of a trial. That of the wait after a failure is
// "after CLASS (NEXT): MESSAGE", where NEXT is "attempt 2", "evaluation" or NextPublish.
const (
	TimerVerdict = "ask for the verdict again"
	TimerGiveUp  = "give up publishing"
	NextPublish  = "publishing"
)

// Workflow types, as they are registered.
const (
	TypeSweep = "Sweep"
	TypeTrial = "Trial"
)

// SweepID is the workflow id of a sweep.
func SweepID(name string) string { return "sweep/" + name }

// TrialID is the workflow id of a sweep's trial.
func TrialID(name string, number int) string { return fmt.Sprintf("sweep/%s/trial/%06d", name, number) }

// SweepInput starts a Sweep. State is set when it continues as new, or with Command when
// a command continues a sweep that has ended.
type SweepInput struct {
	Spec    sweep.Spec         `json:"spec"`
	Digest  string             `json:"digest"` // of the spec that the sweep was first started with
	State   *conduct.State     `json:"state,omitempty"`
	Command *conduct.Commanded `json:"command,omitempty"`
	Owner   sweep.Identity     `json:"owner,omitzero"` // of this sweep, from the reservation of its name

	// ContinueAfter is how many ledger segments a run appends before it continues
	// as new; 0 leaves it to Temporal. Tests set it.
	ContinueAfter int `json:"continue_after,omitempty"`
}

// TrialInput starts a Trial.
type TrialInput struct {
	Spec       sweep.Spec       `json:"spec"`
	Assignment sweep.Assignment `json:"assignment"`
	Digest     string           `json:"digest,omitempty"` // of Spec
	Owner      sweep.Identity   `json:"owner,omitzero"`   // of its sweep
	Logic      conduct.Logic    `json:"logic"`            // of its sweep, for a branch in Trial once there are two versions
}
