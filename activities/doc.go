// Package activities has the activities of both workflows: suggest, train, evaluate,
// publish, append to the ledger, rank, curate, save, reconcile. An activity translates its
// error once, on its last line, into a stable type (errors.go).
//
// It declares the interfaces it needs (ports.go); worker wires in the trainer's
// child processes, the archive and the metrics. It must not import those, nor
// GoMLX, nor an object store.
//
// Invariants: every activity may run twice, and the second run changes nothing.
// A checkpoint is stored before a heartbeat names it. Files on this machine lie in a
// staging folder that the activity removes.
package activities
