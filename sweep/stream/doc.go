// Package stream makes random streams from names: what a stream yields is a
// function of its name alone, in any process and on any machine. Searches,
// simulations and benchmarks draw all their random numbers from such streams.
//
// Reproducibility rests on math/rand/v2: PCG's sequence is part of its
// compatibility promise, the methods of rand.Rand (Float64, NormFloat64,
// ExpFloat64, IntN) are not. The test pins the first numbers of each method used,
// so that a Go release that changes one of them is noticed.
//
// It must not import any other package of tailsweep.
package stream
