// Package worker is the process that does a sweep's work: it registers workflows
// and activities with Temporal, runs each training and evaluation in a child
// process of its own, and serves metrics.
//
// Two Temporal workers live in it: one on the control queue (workflows and short
// activities), one on the training queue (Train and Evaluate only, as many at a
// time as there are slots). Either runs alone with Config.Only.
//
// Invariants: a crash of a child costs one attempt, never the worker; a child
// holds no credentials (environ.go); no child outlives the worker, nor the
// attempt that started it, so a slot is free when Train returns; a draining
// worker returns its trainings as preempted, after a checkpoint.
//
// It must not import the command line, devstack or report.
package worker
