// Package repeats decides which configuration of a search gets a further train seed, and
// when: the race between the configurations that may be the best (race.go), and how
// clearly one of them is ahead, given the noise between seeds (comparison.go).
//
// Invariants: pure and stateless. The decision is a function of the spec, the finished
// and the pending trials, and does not depend on the order of the ledger.
//
// It must not import sampler: methods choose new configurations, this package none.
package repeats
