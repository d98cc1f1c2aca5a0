// Package distance compares two sets of feature vectors: Fréchet distance,
// kernel distance, k-nearest-neighbour manifolds, nearest neighbours.
//
// Notation:
//
//	N, M, D  vectors in a set, in the other, and their length
//	X, Y     real and generated vectors, `[N, D]` and `[M, D]`, row by row
//	mu, S    mean `[D]` and covariance `[D D]` (unbiased, over N-1)
//	C, n_c   classes, and vectors of class c (Set)
//	r_k(x)   distance of x to its k-th nearest other vector of its own set
//
// Invariants: sums are float64 and are added in a fixed order, so that the number
// of cores changes no bit; products of vectors are taken in tiles, so that memory
// grows with N and never with N x N. Results agree with the reference
// implementations to 1e-6 (bench/eval measures it, testdata/ pins it). It knows
// no images and must not import any package of this module, nor
// GoMLX.
package distance
