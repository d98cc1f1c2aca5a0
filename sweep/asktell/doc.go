// Package asktell lets another program drive the search: it asks for points,
// evaluates them and tells the values, one JSON object a line each way. The
// protocol is written down in docs/asktell.md and in `tailsweep asktell --help`.
//
// A session is a sweep.Spec made by hand, whose metrics are f0, f1, ... (all
// minimised) and whose constraints are c0 <= 0, c1 <= 0, ..., with its ledger in
// memory; an ask is one call of a sampler. What a sampler must never see is
// refused here, and a line that is refused changes nothing.
package asktell
