// Package conduct is the life of a sweep as a state machine without side effects: events
// in, actions out.
//
// Machine.Step takes one Event (a result, a rung report, a command, the completion
// or failure of an action, the clock) and returns the Actions to carry out (ask for
// a suggestion, start a trial, append a ledger segment, rank, curate, save, send a
// verdict, cancel a trial, look for silent trials, end). State is all that a state machine
// remembers; it is the JSON that continue-as-new carries. An action that was issued
// stays in State until its completion arrives, so that a Resumed event issues it
// again: an interpreter may lose any action and any completion. Every action is
// idempotent.
//
// End is not always the last action: a command can continue a sweep that has ended
// (reopen.go). Restore rebuilds the State of a sweep whose workflow no longer exists
// from what the store has.
//
// The interpreters are package workflows (Temporal) and package simulate (virtual
// time). They decide nothing. The life of one trial is package lifecycle.
//
// Invariants, which the simulation in simulation_test.go checks on random schedules:
//
//   - Every started trial is in the ledger exactly once; no number is skipped.
//   - No trial starts while max_concurrent_trials or more are in flight.
//   - Once a budget is reached, only baseline and requested trials start.
//   - A suggested trial is of the space of the spec in force when it starts, and its
//     suggestion uses all results of the ledger.
//   - A configuration and seed has one retry at a time.
//   - A verdict at a rung is given once; a repeated report gets the same verdict.
//   - The last checkpoint of a trial that failed, was cancelled or ran out of time is
//     kept. That of any other finished trial belongs to a leader or a gated trial, is or
//     was pinned, or is in Removals until it has been removed.
//   - A requested trial that is not a retry is of the space of the spec in force when it
//     starts. One that an edit excludes is dropped, with an entry in the command log.
//   - Every accepted command, every version of the spec and every end is stored, or the
//     last message reports that storing was given up.
//   - No action has a payload above 256 KiB, except a Save of a State that is larger. Such
//     a State has very many requested trials and leaders in addition to running trials.
//   - The state machine ends, or Progress says what it waits for.
//
// No goroutine, clock, global random source, or map iteration whose order matters is
// allowed here. It must not import Temporal, sampler (a suggestion is the result of an
// action), specfile, simulate or asktell.
//
// # Changing it
//
// Temporal replays the history of a running sweep through this package and through all
// that it calls (package sweep and the pure packages below it). A change that returns
// other actions for the same events breaks running sweeps. Such a change needs a new
// constant in versions.go, a branch on Machine.Logic that keeps the old behaviour, and
// recorded histories of the new version (see package workflows, TestRecord).
package conduct
