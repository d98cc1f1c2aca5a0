// Command sleeper is the child of a worker that the orchestration benchmark measures. It
// speaks the protocol of package job, trains nothing, and sleeps a millisecond for each
// step:
//
//	sleeper train --job FILE
//	sleeper evaluate --job FILE
//
// Its metrics are a smooth function of the parameters, so that a search has something to
// find. The worker starts a process for each training and evaluation, as for the real trainer.
//
// Invariant: metrics depend on the parameters and the step only, so each try of a case has
// the same search.
//
// It must not import Temporal, GoMLX or a client of the object store.
package main
