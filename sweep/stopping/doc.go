// Package stopping ends unpromising trials early: the rungs at which a trial is
// judged, and the verdict (go on or stop) of the median rule, ASHA and Hyperband.
//
// Invariants: a verdict is a function of the spec, the trial, the step and the
// results at rungs in the order of their arrival. A verdict that was given is
// never recomputed: see package conduct.
//
// It must not import specfile, conduct or sampler.
package stopping
