// Package clock runs a search on a problem in virtual time, with several workers
// whose trials finish in another order than they started. A search is a function of
// the problem, the engine and the seed.
//
// Invariants: an engine receives results in the order in which trials finish; it never sees the
// value of a pending one. The clock of the machine is not read.
//
// It must not import conduct: an engine is measured without a sweep around it.
package clock
