// Package cost estimates what a sweep will cost before it runs: trials, steps,
// images, bytes, and, given measured speeds, time.
//
// It must not import specfile, analysis, conduct or sampler.
package cost
