// Package folder decides where tailsweep keeps files of its own on this machine.
//
// Invariants: the environment variable of a folder takes precedence over the default; nothing is
// created.
//
// It must not import any other package of tailsweep.
package folder
