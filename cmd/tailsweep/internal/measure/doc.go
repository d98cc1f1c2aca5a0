// Package measure measures how fast this machine trains, for the estimates of plan,
// run and simulate.
package measure
