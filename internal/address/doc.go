// Package address removes secrets from addresses before they are printed, and checks for
// which host a local server is asked.
//
// Invariants: no way to print a URL shows its secrets: String, GoString, MarshalText. A text
// without a URL is returned unchanged.
//
// It must not import any other package of tailsweep.
package address
