// Package trialview formats trials for people: parameters, metrics, tables.
//
// Invariant: a text depends on the arguments only: no service is asked.
//
// It must not import a group of verbs, cli or Temporal.
package trialview
