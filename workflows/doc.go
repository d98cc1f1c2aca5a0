// Package workflows has the two workflows: Sweep asks for trials, starts them,
// hears of their results and keeps the ledger; Trial trains, evaluates and
// publishes one point of the search.
//
// Invariants: workflow code decides nothing by itself that sweep can decide; no
// float maths, sampler, clock, random source, map range or slog here. Ids, names
// and queues are made in messages.go. It must not import trainer, an object
// store or Prometheus.
package workflows
