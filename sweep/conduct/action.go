package conduct

import (
	"encoding/json"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// Action is something for the interpreter to carry out. One with an ID is completed
// by the event of the same ID, or by a Failed event.
type Action interface{ action() }

// Suggest asks for Count more search trials, as a pure function of its fields and of
// the first Segments segments of the ledger: each suggestion counts as pending when the
// next one is made. Completed by Suggested.
type Suggest struct {
	ID       int
	Count    int
	Number   int                // of the first trial
	Index    int                // of the first trial among the suggested ones
	Edited   bool               // the spec has changed since the first trials
	Segments int                // number of ledger segments to use
	Pending  []sweep.Assignment // started and not in these segments, by number; without reasons
}

// Start starts a trial. Several can be in flight. Completed by Started or StartRefused.
type Start struct {
	ID         int
	Assignment sweep.Assignment
}

// Append stores one ledger segment and then ranks trials (see Rank), the new segment
// included. Completed by Appended.
type Append struct {
	ID      int
	Segment int
	Trials  []sweep.Trial // in order of completion
	Rank    []int         // numbers of trials; none: they can be ranked without the ledger
}

// Rank orders trials from the first Segments segments of the ledger, with the function
// Order. Completed by Ranked.
type Rank struct {
	ID       int
	Segments int
	Numbers  []int
}

// Curate writes the pointer to the leaders, then removes checkpoints. Completed by
// Curated.
type Curate struct {
	ID       int
	Segments int      // of the ledger, which has the leaders
	Leaders  []int    // their numbers, best first
	Remove   []string // keys of checkpoints
}

// Save stores entries, each under its number, then the state. Together they have at most
// saveLimit bytes, or it is only one of them. Completed by Saved.
type Save struct {
	ID      int
	Entries []CommandEntry
	State   json.RawMessage // a State, from which Restore continues; nil while later entries are not stored, or if it does not fit
}

// Look checks the workflows of running trials that have not reported (activity
// Reconcile). Next, if set, is a trial that a run before a reset may have started.
// Completed by Looked.
type Look struct {
	ID     int
	Silent []Silent
	Next   *Silent // nil: do not look for one; StartedAt is the start of the sweep
}

// Silent is a running trial that has not reported.
type Silent struct {
	Assignment sweep.Assignment `json:"assignment"`
	StartedAt  time.Time        `json:"started_at"`
}

// SendVerdict sends a verdict to a trial. Completed by VerdictSent.
type SendVerdict struct {
	Trial   int
	Verdict RungVerdict
}

// CancelTrial asks a trial to save and end. Completed by CancelAsked.
type CancelTrial struct {
	Trial int
}

// End ends the sweep: State has its final phase and message.
type End struct{}

func (Suggest) action()     {}
func (Start) action()       {}
func (Append) action()      {}
func (Rank) action()        {}
func (Curate) action()      {}
func (Save) action()        {}
func (Look) action()        {}
func (SendVerdict) action() {}
func (CancelTrial) action() {}
func (End) action()         {}
