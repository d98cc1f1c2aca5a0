// Package specfiletest parses specs for tests. The tests of specfile itself cannot
// import it.
//
// Invariant: the spec that Parse returns is complete and valid, or the test ends.
//
// It must not be imported outside tests.
package specfiletest
