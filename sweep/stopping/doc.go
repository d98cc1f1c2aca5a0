// Package stopping ends unpromising trials early: it has the rungs of each trial, and
// the verdict (continue or stop) of the median rule, ASHA and Hyperband.
//
// Invariants: a verdict is a function of the spec, the trial, the step and the
// results at rungs in the order of their arrival. Package conduct asks for each verdict
// once and repeats it when a report comes twice.
//
// It must not import specfile, conduct or sampler.
package stopping
