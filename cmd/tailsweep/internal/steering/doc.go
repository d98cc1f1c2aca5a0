// Package steering reads commands to a sweep from a command line. The verbs of the
// group "sweep" and `tailsweep simulate --command` share it.
//
// Invariants: the table of verbs is the only list of commands. Whether a sweep accepts a command
// is decided in sweep/conduct, not here.
//
// It must not import a group of verbs, Temporal, the archive or simulate.
package steering
