// Command goptuna is a sampler of github.com/c-bata/goptuna behind the ask/tell
// protocol of `tailsweep asktell`:
//
//	goptuna tpe|cmaes
//
// goptuna has no ask and tell: each ask starts a trial in a goroutine, whose
// objective returns its parameters and waits for its value. A log range with an
// exact zero becomes one that is wider towards 0 by the zero's share, as in
// optuna_peer.py.
//
// Invariant: each ask is answered with one trial of the study, each tell ends one.
//
// It is a module of its own, so that the main module does not depend on goptuna, and imports
// nothing of the main module.
package main
