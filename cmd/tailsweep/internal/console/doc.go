// Package console lays out text for terminals: tables, wrapped lines, colours and
// plots of characters. It knows no sweeps.
//
// Invariant: a function returns text and prints nothing.
//
// The only packages of tailsweep that it may import are the small helpers of internal/.
package console
