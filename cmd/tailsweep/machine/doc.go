// Package machine has the verbs about workers, datasets and this machine, and those that
// train and evaluate from the command line, without a sweep.
//
// Invariant: with --job, train and evaluate are children of a worker: standard output has
// nothing but their events.
//
// It must not import another group of verbs.
package machine
