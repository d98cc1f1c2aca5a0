// Package progress observes a running sweep and shows it: Observer asks Temporal and
// the archive, View is one moment, Screen prints views as they change.
//
// Invariant: it only reads: it changes neither the sweep nor the store.
//
// It must not import a group of verbs, worker or trainer.
package progress
