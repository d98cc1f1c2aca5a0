// Package sequence is the scrambled Sobol sequence: points that cover the unit cube more
// evenly than random ones. In each dimension each of 2^k equal intervals has one of the
// first 2^k points, and pairs of dimensions are covered likewise.
//
// The direction numbers are Joe and Kuo's; gonum has Halton's sequence only.
//
// Invariant: a point is a function of the dimensions, the index and the seed. Other points
// for the same arguments change the search of every spec that uses them.
//
// It must not import any package of tailsweep but stream.
package sequence
