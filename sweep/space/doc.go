// Package space is the search space: distributions, conditions, the grid, and
// the assignments of the baseline trials.
//
// Invariants: parameters are visited in the order of Ordered, in which a
// condition comes after the parameter it names. A parameter whose condition is
// false is absent from Params.
//
// It must not import specfile, analysis, stopping or sampler.
package space
