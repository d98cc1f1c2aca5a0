// Package job is the protocol between a worker and the child process that trains or
// evaluates a trial: a job file in, JSON lines out.
//
// The child is `tailsweep train --job FILE` or `tailsweep evaluate --job FILE`. It writes
// one Event per line to stdout and free text to stderr. The first event follows as soon as
// the backend is open: a child that ends without an event could not start. When its stdin
// closes, the worker is gone, and the child exits with code 3; a partial checkpoint never has
// its final name. On SIGTERM a training writes a checkpoint, reports it in an event, and ends
// with an event of type preempted. The child has no credentials and opens no socket.
//
// It must not import GoMLX, Temporal or an object store.
package job
