// Package job is the protocol between a worker and the child process in which a
// trial trains or is evaluated: a job file in, JSON lines out.
//
// The child is `tailsweep train --job FILE` or `tailsweep evaluate --job FILE`.
// It writes one Event a line on stdout, free text for people on stderr, and ends
// when its stdin closes (the worker is gone) with exit code 3, leaving no
// half-written checkpoint behind under its final name. On SIGTERM it writes a
// checkpoint, names it in an event, and ends with an event of type preempted.
// The child holds no credentials and opens no socket.
//
// It must not import GoMLX, Temporal or an object store.
package job
