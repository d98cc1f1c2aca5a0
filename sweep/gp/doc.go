// Package gp is Gaussian-process regression on the unit cube: kernel, fit,
// posterior, expected improvement.
//
// Notation, the same in every file:
//
//	n, d     observations, dimensions
//	x        a point of the unit cube, `[d]`; a categorical coordinate is an index, compared for equality only
//	y        observations to minimise, standardised by the caller, `[n]`
//	l_k      lengthscale of coordinate k
//	s2       signal variance
//	v        noise variance
//	K        `[n n]`, K_ij = s2 k(x_i, x_j) + v [i = j]
//
// Invariants: pure, no random numbers, no parameter names: only the space in
// package sampler knows about logs, steps and zeros. It imports gonum alone.
package gp
