// Package space is the search space: distributions, conditions, the grid, the
// configurations of the baseline, and the unit cube that search methods work in.
//
// A distribution is one file and one row of the table in distribution.go: its fields in
// a spec and their checks, its values, its place in the unit cube, its grid and the
// words of its errors. Nothing else in the program lists distributions.
//
// Invariants: parameters are visited in the order of Ordered, in which a
// condition comes after the parameter it names. A parameter whose condition is
// false is absent from Params.
//
// It must not import specfile, analysis, stopping or sampler.
package space
