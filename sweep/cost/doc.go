// Package cost estimates what a sweep will cost before it runs: trials, steps,
// images, bytes, and, given measured speeds, time.
//
// Invariant: an estimate is a function of the spec and the speeds that it is given;
// nothing is measured here.
//
// It must not import specfile, analysis, conduct or sampler.
package cost
