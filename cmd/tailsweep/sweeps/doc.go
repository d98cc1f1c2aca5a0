// Package sweeps has the verbs that run, watch and steer a sweep.
//
// Invariant: whether a sweep accepts a command is decided in sweep/conduct; a verb sends the
// command and prints the answer.
//
// It must not import another group of verbs, nor trainer, except trainer/backend.
package sweeps
