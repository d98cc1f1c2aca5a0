// Package analysis evaluates finished trials: ranking, feasibility, noise between
// seeds, comparisons with confidence, importance of parameters, the Pareto front
// and its hypervolume.
//
// Invariants: every function depends on its arguments only, and on the order of
// the ledger only where it says so. Ties are broken by trial number.
//
// It must not import specfile, stopping, conduct or sampler.
package analysis
