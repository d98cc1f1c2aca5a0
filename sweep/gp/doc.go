// Package gp is Gaussian-process regression on the unit cube: kernel, priors and
// fit, output warps, posterior and joint draws, the parts of acquisitions (expected
// improvement, feasibility, expected hypervolume improvement) and the search for their
// maximum.
//
// Notation, the same in every file:
//
//	n, d, m  observations, dimensions, objectives
//	q, S     points drawn at, draws
//	x        a point of the unit cube, `[d]`; a categorical coordinate is an index, compared for equality only
//	y        observations to minimise, in their own units, `[n]`
//	t        the same, warped and standardised: the process's units
//	l_k      lengthscale of coordinate k
//	s2       signal variance
//	a        share of the signal that is a sum over coordinates, [0, 1)
//	v        noise variance of one result
//	K        `[n n]`, K_ij = k(x_i, x_j) + v/weight_i [i = j]
//	U        upper Cholesky factor, K = U'U
//
// Regress is the entry point; the rest are its parts.
//
// Invariants: pure, no random numbers (normal numbers for draws are an argument),
// no parameter names: only package space knows about logs, steps and zeros. Results are
// equal bit for bit with vector instructions and without. It imports gonum only, and
// simd/archsimd where the build has it.
package gp
