// Package problems has the functions that bench/search compares engines on: each
// is minimised over a space and has a known optimum.
//
//	d      number of parameters
//	f, c   objectives, all minimised; constraints, each satisfied when c <= 0
//	f*     Problem.Best, the lowest feasible f
//	HV     volume that a set of objective vectors dominates below Problem.Reference
//	V      Problem.Volume, the supremum of HV
//
// The random parts of a problem (shifts, rotations) are fixed by its name.
//
// Invariant: a problem does not depend on the engine.
//
// It must not import sampler or clock.
package problems
