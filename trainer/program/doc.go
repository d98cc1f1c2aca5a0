// Package program is the adapter between tailsweep and a program of the user that trains: it
// speaks the protocol of docs/trainer-protocol.md with the program, and that of package job with
// whoever started it, such as a worker.
//
// Run starts the program in a folder of its own (start.go), reads its messages (message.go, or
// plain.go for programs that only print numbers), checks their order (rules.go), keeps the curve
// (curve.go), makes checkpoints of the folders that the program wrote while it goes on
// (save.go), and decides how the attempt ended (ending.go).
//
// Invariants: when Run returns, no process of the program is left, and the only new folders in the staging folder are
// complete checkpoints; the program is untrusted: its lines,
// numbers, names, files and folders are bounded and checked, and nothing waits for it without a
// limit but its training; one goroutine emits all events, in order.
//
// It must not import GoMLX, Temporal, an object store or worker.
package program
