// Package simulate holds functions whose optimum is known and a simulator that
// runs a search on one of them in virtual time, with workers that finish in
// another order than they began. It is what bench/search compares engines on and
// what `tailsweep simulate` shows.
//
//	d      number of parameters
//	f, c   objectives, all minimised; constraints, a point is feasible when all c <= 0
//	f*     Problem.Best, the lowest feasible f
//	HV     volume that a set of points dominates below Problem.Reference
//	V      Problem.Volume, the supremum of HV
//
// Everything is a function of its arguments: what is random about a problem
// (shifts, rotations) is fixed by its name, and what is random about a run by its
// seed.
package simulate
