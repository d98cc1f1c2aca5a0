// Package block lists the reasons for which a sweep is blocked. The object store and
// the archive detect them; sweeps, metrics and the command line show them.
//
// Invariants: Reasons lists every reason. A reason is a label of a metric and part of the
// stored state of a sweep, so its name does not change.
//
// It must not import any other package: workflow code imports it.
package block
