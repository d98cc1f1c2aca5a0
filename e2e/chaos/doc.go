// Command chaos plays sweeps on a real stack of its own while it injects faults, and
// compares each with the same sweep undisturbed. Run it with `make chaos FAULTS=40 SEED=1`.
// It needs Linux, and root to fill a disk. docs/reliability.md says what it shows.
//
// A round runs one sweep of each kind at once and injects faults until all have ended.
// The seed decides which faults come, in which order and at which step; what happens at
// the same time depends on the machine.
//
// Invariants: the undisturbed sweep and the one under faults have the same spec and seed, so
// their weights must be equal. Only processes and files of the stack of the test are touched.
//
// It imports packages of tailsweep only for the types that the binary prints, never to do
// the binary's work.
package main
