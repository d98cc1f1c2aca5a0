package lifecycle

import (
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Event is something that happened to a trial.
type Event interface{ apply(t *Trial) }

// Begun is the first event.
type Begun struct{}

// Attempt is what an attempt did in its slot, however it ended.
type Attempt struct {
	Seconds    float64 // in the slot
	Checkpoint string  // key of the last checkpoint that was stored or resumed from; "" for none
	Step       int     // of that checkpoint
	Backend    string  // "" if it is not known
	Build      string  // of the worker; "" if it is not known
}

// Trained completes Train. Shown is, here and in Evaluated and Failed, why the sweep shows the
// trial as blocked: the attempt has reported it, and not that it no longer is. "" if it has not.
type Trained struct {
	Outcome sweep.Outcome
	Step    int // that training has reached
	Losses  sweep.Losses
	Shown   block.Reason

	// Evaluation is what a program of the user has measured at Step; nil for the built-in
	// trainer. A later Evaluated adds to it, if Spec.Evaluates.
	Evaluation *sweep.Evaluation
	Attempt
}

// NoSlot completes Train: no slot was free before its Deadline.
type NoSlot struct{}

// Evaluated completes Evaluate.
type Evaluated struct {
	Evaluation sweep.Evaluation
	Shown      block.Reason
	Attempt
}

// Failed completes Train, Evaluate or Publish.
type Failed struct {
	sweep.Failure
	Blocked block.Reason // why the store refuses requests; "" for another failure
	Corrupt bool         // the checkpoint to evaluate fails verification
	Shown   block.Reason
	Attempt *Attempt // nil if the attempt never reported what it did
}

// Verdict answers Ask. One at another step than the last rung's is ignored: it answers an
// earlier question that was sent twice.
type Verdict struct{ conduct.RungVerdict }

// Unanswered completes Ask: no verdict came in time.
type Unanswered struct{}

// SweepGone completes Ask: the sweep has ended.
type SweepGone struct{}

// Waited completes Wait.
type Waited struct{}

// Published completes Publish with the trial as it was recorded. Reported is true if the
// sweep has received it, too, or has ended.
type Published struct {
	Trial    sweep.Trial
	Reported bool
}

// Cancelled reports that the trial was cancelled. The interpreter cancels the action in
// flight, and its completion follows; except for Publish and the Wait between its tries,
// which continue until GiveUpIn cancels them.
type Cancelled struct{}

// GivenUp reports that the time of GiveUpIn is over.
type GivenUp struct{}
