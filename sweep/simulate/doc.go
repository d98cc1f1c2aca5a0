// Package simulate runs the sweep of a spec in virtual time, with a known function in
// place of training: `tailsweep simulate`. Everything is a function of its arguments;
// the random numbers of a simulation come from its seed.
//
// Invariant: every decision is package conduct's or package lifecycle's. This package only
// delivers events and carries out actions, as package workflows does.
//
// It must not import asktell or specfile, or read the clock.
package simulate
