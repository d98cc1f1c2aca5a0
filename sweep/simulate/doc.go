// Package simulate runs the sweep of a spec in virtual time, with a known function in
// place of training: `tailsweep simulate`. Everything is a function of its arguments;
// the random numbers of a simulation come from its seed.
package simulate
