// Package sweep defines the types that all other packages share: Spec and its
// parts, Params, Value, Assignment, Trial, Failure, and the closed lists of
// words, parameters, loss terms, metrics and datasets. The code that works on them is in
// the packages below:
//
//	specfile  reads a spec: YAML, schema, checks, defaults
//	space     distributions, conditions, the grid
//	analysis  ranking, feasibility, noise, importance, the front
//	stopping  rungs and verdicts of early termination
//	cost      what a sweep will cost
//	conduct   the life of a sweep, as a state machine without side effects
//	sampler   the search methods; gp is the model of bayes
//	repeats   which configuration gets a further seed
//	asktell   the search for other programs
//	simulate  a sweep in virtual time
//
// Invariants: everything here is a function of its arguments. A Spec that
// specfile.Parse returned is complete (every default filled in) and valid.
// Iteration order is never a map's.
//
// It must not import Temporal, GoMLX, S3 or Prometheus clients, nor read the
// clock, the environment or a global random source. cmd/tailsweep/imports_test.go and
// the linter enforce this.
package sweep
