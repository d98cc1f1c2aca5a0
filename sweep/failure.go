package sweep

import (
	"slices"
	"time"
)

// Failure is why a trial did not complete.
type Failure struct {
	Class   FailureClass `json:"class"`
	Message string       `json:"message"`
}

// FailureClass decides what happens after a failure: see Policies.
type FailureClass string

// The classes.
const (
	FailOutOfMemory FailureClass = "out_of_memory"
	FailBadData     FailureClass = "bad_data"
	FailBug         FailureClass = "bug"
	FailLost        FailureClass = "lost"
	FailTransient   FailureClass = "transient"
	FailPreempted   FailureClass = "preempted"
	FailEnvironment FailureClass = "environment"
)

// Policy is what follows an attempt at a trial that ended with a failure of a class.
type Policy struct {
	Class   FailureClass
	Meaning string

	// Retried is true if another attempt follows, from the last checkpoint. It counts
	// toward max_restarts where Counts is true. Where InARow is not 0, no further attempt
	// follows max_restarts and InARow of them in a row without a step forward.
	Retried, Counts bool
	InARow          int

	// Wait is the time before the next attempt. It doubles with each attempt in a row
	// without a step forward, up to MaxWait. The first one follows at once where AtOnce is
	// true.
	Wait, MaxWait time.Duration
	AtOnce        bool

	// MachineLimit is the number of such failures in a row, of attempts on one worker, after
	// which the worker takes no trials for a time; 0: the cause is not its machine.
	MachineLimit int
}

// Policies is the table of what follows each failure.
func Policies() []Policy {
	const wait, most = 5 * time.Second, 5 * time.Minute
	return []Policy{
		{Class: FailOutOfMemory, Meaning: "the trial needs more memory than the machine or its device has", MachineLimit: 3},
		{Class: FailBadData, Meaning: "the dataset or the spec is wrong"},
		{Class: FailBug, Meaning: "a bug in tailsweep"},
		{Class: FailLost, Meaning: "the worker no longer answers, or its child was killed", Retried: true, Counts: true, InARow: 10, Wait: wait, MaxWait: most, AtOnce: true, MachineLimit: 3},
		{Class: FailTransient, Meaning: "anything that another attempt may change", Retried: true, Counts: true, Wait: wait, MaxWait: most},
		{Class: FailPreempted, Meaning: "the worker was drained, or Temporal cancelled the attempt", Retried: true, InARow: 10, Wait: wait, MaxWait: most, AtOnce: true},
		{Class: FailEnvironment, Meaning: "the worker's machine cannot run the trainer: the program or its backend does not start, or the disk is full", Retried: true, Counts: true, Wait: wait, MaxWait: most, MachineLimit: 1},
	}
}

// Policy returns the row of a class; an unknown class has the one of FailBug.
func (c FailureClass) Policy() Policy {
	var bug Policy
	for _, p := range Policies() {
		switch p.Class {
		case c:
			return p
		case FailBug:
			bug = p
		}
	}
	return bug
}

// After returns how long to wait before the next attempt, given how many attempts in a
// row before the last one made no step forward.
func (p Policy) After(idle int) time.Duration {
	if p.AtOnce {
		if idle == 0 {
			return 0
		}
		idle--
	}
	wait := p.Wait
	for range idle {
		wait = min(2*wait, p.MaxWait)
	}
	return wait
}

// FailureList lists all failure classes.
func FailureList() []FailureClass {
	var list []FailureClass
	for _, p := range Policies() {
		list = append(list, p.Class)
	}
	return list
}

// Known reports whether c is one of FailureList.
func (c FailureClass) Known() bool { return slices.Contains(FailureList(), c) }
