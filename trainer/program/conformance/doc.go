// Package conformance checks that a program follows docs/trainer-protocol.md: it starts it
// about a dozen times, as a worker does, and says in plain words what is wrong and what to do
// (`tailsweep trainer-check`).
//
// Run trains without a break, to a rung, on from it, with other seeds and parameters, interrupted by
// SIGTERM and by SIGKILL, and with damaged input (suite.go); a start is recorded (start.go, record.go), and its
// record is judged (judge.go, looks.go).
//
// Invariants: nothing waits for a program without a limit; when Run returns, no process of it and no
// file is left; what cannot be compared, since two equal trainings differ in it, is not
// compared.
//
// It must not import GoMLX, Temporal, an object store or worker.
package conformance
