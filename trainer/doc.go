// Package trainer trains one trial, and opens trained models for sampling. It runs in
// a child process of the worker (RunChild), or from the command line without a sweep.
//
// A training is a pure function of (spec, assignment, backend). Its random numbers
// come from streams in Go that are keyed by (seed, step), and so do its batches
// (trainer/dataset), so a step depends on the steps before it only through the
// variables. A checkpoint therefore contains every variable (path, trainable flag,
// tensor), the step, and the sums of the curve's unfinished window. A training that was
// killed and resumed equals the uninterrupted one bit for bit on the same backend, in
// weights and curve.
//
// Invariants: nothing is saved when the loss, the gradient or a weight is not finite;
// the step function is compiled once; panics of GoMLX are recovered in Guard and where
// a graph is built for its shapes only; every error of Train is a *sweep.FailureError
// or the context's.
//
//	train.go        the loop: batches, curve, checkpoints, stop on request
//	step.go         the compiled step: loss, clipping, Adam, EMA
//	batch.go        the inputs of a step
//	curve.go        means of losses between the points of the curve
//	save.go         checkpoints, written while the training continues
//	state.go        variables to and from a checkpoint folder
//	resume.go       checks that a checkpoint belongs to the training
//	provenance.go   where a checkpoint comes from, for its manifest
//	model.go        a trained model, for sampling
//	classes.go      names and counts of a model's classes
//	estimate.go     parameters, memory and forward passes, for plans
//	failure.go      failure classes of errors
//
// It must not import Temporal, an object store or the worker.
package trainer
