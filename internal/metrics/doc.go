// Package metrics exports the metrics of sweeps and of Temporal's SDK to Prometheus,
// from a registry of its own, with one handler for /metrics.
//
// Invariants: every name begins with tailsweep_ or temporal_ (or is one of the
// Go runtime's) and has a base unit; every label has a bounded number of values:
// closed lists, recent sweeps, trials only while they train here, and of the names of a
// program at most 16 metrics, which the spec names, and 8 losses a sweep. The value of a
// hyper-parameter is never a label.
//
// It must not import the trainer, the workflows or an object store.
package metrics
