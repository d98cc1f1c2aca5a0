// Package jsonl reads JSON Lines: one JSON value per line.
//
// Invariants: a line that is longer than the caller allows is an error, and is not read into
// memory. An error is yielded once, last.
//
// It must not import any other package of tailsweep.
package jsonl
