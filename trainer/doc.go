// Package trainer trains one trial and hands out its model for sampling. It runs
// in a child process of the worker (RunChild) or by hand.
//
// A training is a pure function of (spec, assignment, backend): its random
// numbers are drawn in Go from streams keyed by (seed, step), its batches likewise
// (trainer/dataset), so a step needs nothing from the one before but the
// variables. Hence the state that a checkpoint carries is every variable (path,
// trainable flag, tensor), the step, and the sums of the curve's open window; and
// a run that was killed and resumed equals the uninterrupted one bit for bit on
// the same backend, weights and curve.
//
// Invariants: nothing is saved at a loss, gradient or weight that is not finite;
// the step function is compiled once; GoMLX's panics are recovered at the package's
// doors (Guard, and where a graph is built for its shapes only); every error that leaves Train is a *sweep.FailureError or a
// context's.
//
//	step.go       the compiled step: loss, clipping, Adam, EMA
//	train.go      the loop: batches, curve, checkpoints, drain
//	state.go      variables to and from a checkpoint folder
//	model.go      a trained model, for sampling
//	precheck/     that a trial can be judged, before it trains
//	classes.go    what a model's classes are called
//	estimate.go   parameters, memory and passes, for plans
//
// It must not import Temporal, an object store or the worker.
package trainer
