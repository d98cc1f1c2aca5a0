// Package workflows implements the two workflows. Sweep interprets package conduct, and
// Trial package lifecycle: they turn Temporal's signals, updates and completions into
// events, and the actions of the state machines into activities, signals, timers and child
// workflows.
//
// Invariants: the workflows decide nothing. No float arithmetic, sampler, clock, random
// source, map iteration or slog here. Ids, names and queues are made in messages.go;
// timeouts and numbers of tries are in options.go. This package must not import trainer,
// an object store or Prometheus.
//
// A change that produces different Temporal commands from the same history needs a new
// logic version: see versions.go, and doc.go of package conduct.
package workflows
