// Package lifecycle is the life of one trial as a state machine without side effects:
// events in, actions out. It decides which attempt comes next (training to a rung or to
// the end, evaluation), how long a trial waits after a failure, when it is given up, what
// a verdict, max_trial_time or a cancellation does, and what the result says.
//
// Trial.Step takes one Event and returns the Actions to carry out, in order. Except
// for GiveUpIn (a timer) and ReportBlock (a message), at most one action is in flight;
// its completion is the next event. Package conduct is the life of the sweep around it.
//
// The interpreters are package workflows (Temporal: activities, signals, timers) and
// package simulate (virtual time). They decide nothing about the trial.
//
// Invariants, which the simulation in simulation_test.go checks on random schedules:
//
//   - Every trial ends, with one End. No attempt follows a failure once there were
//     MaxAttempts, or MaxBlocked that were blocked.
//   - At most max_restarts attempts follow failures that count.
//   - Each rung is recorded once, in order, and only after training has reached it.
//   - A completed trial has its last evaluation's metrics, and those that its program has reported
//     with the training; a failed one has its error.
//   - A trial whose program measures everything (Spec.Evaluates is false) is never evaluated.
//   - Nothing is trained or evaluated after a cancellation.
//   - TrainTime and EvalTime are the sums over all attempts, however they ended.
//   - A trial that was reported as blocked, by itself or by an attempt, is reported as no
//     longer blocked when an attempt at training returns without an error, or an
//     evaluation succeeds.
//
// No goroutine, clock, random source or map iteration is allowed here: Temporal replays
// the histories of running trials through this package. The rule for changing it is that
// of package conduct. It must not import Temporal, sampler, specfile or simulate.
package lifecycle
