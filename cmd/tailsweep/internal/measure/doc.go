// Package measure measures how fast this machine trains, for the estimates of plan,
// run and simulate (measure.go), and a program of the user (program.go), and decides how many slots run starts here (slots.go).
//
// Invariant: a measurement leaves nothing behind: it trains in a temporary folder.
//
// It must not import a group of verbs.
package measure
