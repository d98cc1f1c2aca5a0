// Package measure measures how fast this machine trains, for the estimates of plan,
// run and simulate (measure.go), and decides how many slots run starts here (slots.go).
package measure
