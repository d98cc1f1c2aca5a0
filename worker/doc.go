// Package worker is the process that does a sweep's work: it registers workflows
// and activities with Temporal, runs each training and evaluation in a child
// process of its own, and serves metrics.
//
// It contains two Temporal workers: one on the control queue (workflows and short
// activities) and one on the training queue (Train and Evaluate only, one per slot).
// Config.Only selects one of them.
//
// Invariants: the crash of a child costs one attempt and never the worker; a child
// has no credentials (environ.go); no child outlives the worker or the attempt that
// started it, so a slot is free when Train returns; a draining worker returns its
// trainings as preempted, after a checkpoint.
//
// It must not import the command line, devstack or report.
package worker
