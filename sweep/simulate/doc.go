// Package simulate plays the sweep of a spec on a known function, in virtual time
// and without training: `tailsweep simulate`. Everything is a function of its
// arguments; the random numbers of a run come from its seed.
package simulate
