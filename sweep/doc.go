// Package sweep is the domain of tailsweep, pure: the spec and its parser, the
// search space, trials, the ledger, and the analysis of results.
//
// Invariants: everything here is a function of its arguments. A Spec that came
// out of Parse is complete (every default filled in) and valid, so nobody
// downstream checks it again. Iteration order is never a map's.
//
// It must not import Temporal, GoMLX, S3 or Prometheus clients, nor read the
// clock, the environment or a global random source. The linter holds this.
package sweep
