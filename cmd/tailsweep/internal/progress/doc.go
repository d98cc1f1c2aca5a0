// Package progress observes a running sweep and shows it: Observer asks Temporal and
// the archive, View is one moment, Screen prints views as they change.
package progress
