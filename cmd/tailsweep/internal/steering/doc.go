// Package steering reads commands to a sweep from a command line. The verbs of the
// group "sweep" and `tailsweep simulate --command` share it.
package steering
