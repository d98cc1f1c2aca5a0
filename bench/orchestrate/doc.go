// Command orchestrate measures what orchestration takes: it runs sweeps whose children only
// sleep (package sleeper) on the real embedded stack, and the same trials in Ray Tune.
// Run it from the root of the repository, through `make bench-orchestrate`, which builds the
// programs and the Python environment. It needs Linux, since it reads /proc.
//
// Each case has a stack of its own, in a temporary folder. Results are kept in a folder, and
// only the cases that are missing there run. -quick runs a case of a minute and keeps nothing.
//
// Invariant: the trials of both sides sleep equally long.
//
// It must not import trainer: nothing is trained.
package main
