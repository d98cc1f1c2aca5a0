// Package child runs processes that must leave nothing behind: the child of a worker, which
// trains or evaluates, and the program of a user that a child starts (package trainer/program).
//
// A process has a group of its own, gets stdin that stays open until it ends, and is read line by line with limits.
// When it has ended, or is killed, all that it started is killed: its process group, and where
// Command.Mark is set also what left the group: by a cgroup of its own where Linux allows one, and by the mark in
// the environment (Linux).
//
// Invariants: Process.Ended closes only when no process of the group is left and all output is
// read; nothing waits without a limit for a process that keeps a pipe open; an environment
// has only what Environ lists.
//
// It must not import Temporal, GoMLX, an object store or worker.
package child
