// Package metrics shows sweeps to Prometheus: collectors in a registry of their
// own, behind one handler for /metrics, with Temporal's SDK metrics beside them.
//
// Invariants: every name begins with tailsweep_ or temporal_ (or is one of the
// Go runtime's) and has a base unit; every label has a bounded number of values:
// closed lists, the sweeps of late, and trials only while they train here. A
// hyper-parameter's value is never a label.
//
// It must not import the trainer, the workflows or an object store.
package metrics
