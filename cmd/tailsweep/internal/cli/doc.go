// Package cli has the code that all verbs of tailsweep share: the streams and the connections
// (App), exit codes, flags, reading specs and results, downloads of datasets.
//
// An error that a verb returns decides the exit code: see exit.go.
//
// Invariants: App removes secrets, and characters that control a terminal, from the text that
// it prints. Results go to Out, messages to Err.
//
// The only other package of cmd/tailsweep that it may import is console.
package cli
