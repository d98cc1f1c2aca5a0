// Package sampler has the search methods: each turns the ledger of finished
// trials, the pending ones, a seed and a trial number into the next parameters.
// Next is the entry for whoever runs trials: a method's new point, or, where a
// spec has repeats, a further train seed for a point whose comparison is undecided.
//
// Invariants: pure and stateless (see Sampler); a suggestion survives a JSON
// round trip of its request; no point is suggested twice while 256
// draws, or the list of a finite space's points, find another. It must not import anything that sweep must not.
package sampler
