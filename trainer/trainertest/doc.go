// Package trainertest has files that the tests of several packages make.
//
// Invariant: a function ends the test instead of returning an error.
//
// It must not be imported outside tests.
package trainertest
