// Package workflows implements the two workflows. Sweep interprets package conduct: it turns
// Temporal's signals, updates and completions into events, and the machine's actions
// into activities and child workflows. Trial trains, evaluates and publishes one
// configuration, and reports to its sweep.
//
// Invariants: Sweep decides nothing. No float arithmetic, sampler, clock, random
// source, map iteration or slog here. Ids, names and queues are made in messages.go;
// timeouts and numbers of tries are in options.go. This package must not import trainer,
// an object store or Prometheus.
//
// A change that produces different Temporal commands from the same history needs a new
// logic version: see versions.go, and doc.go of package conduct.
package workflows
