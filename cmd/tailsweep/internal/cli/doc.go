// Package cli has the code that all verbs of tailsweep share: the streams and the connections
// (App), exit codes, flags, reading specs and results, downloads of datasets.
//
// An error that a verb returns decides the exit code: see exit.go.
package cli
