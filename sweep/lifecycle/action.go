package lifecycle

import (
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Action is something to carry out for a trial.
type Action interface{ action() }

// Train makes one attempt at training, in a slot. Trained, NoSlot or Failed completes it.
type Train struct {
	Until int                // step of the rung to train to; 0: the last step
	After sweep.FailureClass // the failure that ended the attempt before; "" for none

	// Limit is max_trial_time at the first attempt, which counts from its start; 0 for none.
	// Deadline is when it is used up, at the attempts after the first, for which the wait
	// for a slot counts, too; zero for none.
	Limit    time.Duration
	Deadline time.Time

	// Shown is why the sweep may show the trial as blocked, "" if it does not. The attempt
	// reports, as soon as it moves, that it no longer is.
	Shown block.Reason
}

// Evaluate evaluates the trial's last checkpoint, in a slot. Evaluated or Failed completes
// it.
type Evaluate struct {
	Rung  int                // step of the rung; 0: the end
	After sweep.FailureClass // the failure that ended the attempt before; "" for none
	Shown block.Reason       // as in Train
}

// Ask reports a rung to the sweep, and waits for at most Wait for its verdict. Verdict,
// Unanswered or SweepGone completes it.
type Ask struct {
	Report conduct.RungReport
	Wait   time.Duration
}

// Wait waits before the next attempt, or before the next try to publish. Waited completes
// it.
type Wait struct {
	For     time.Duration
	Failure sweep.Failure // of the last attempt
}

// Publish records the result. Published or Failed completes it.
type Publish struct {
	Blocked bool // the store has refused requests of this trial before
}

// GiveUpIn feeds GivenUp after a time, then cancels Publish, or the Wait between two tries,
// unless the trial has ended.
type GiveUpIn struct{ After time.Duration }

// ReportBlock reports to the sweep that the trial is blocked or, without a cause, that it
// no longer is.
type ReportBlock struct{ Cause *conduct.BlockCause }

// End ends the trial. If Report is true, its result is first sent to the sweep.
type End struct{ Report bool }

func (Train) action()       {}
func (Evaluate) action()    {}
func (Ask) action()         {}
func (Wait) action()        {}
func (Publish) action()     {}
func (GiveUpIn) action()    {}
func (ReportBlock) action() {}
func (End) action()         {}
