// Package clitest has what the tests of the command line share: golden files and
// a store with sweeps in it.
//
// Invariants: the store is in memory and the workflow of a sweep is a fake, so no test that
// uses this package needs a service.
//
// It must not be imported outside tests.
package clitest
