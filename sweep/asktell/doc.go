// Package asktell lets another program use the search: it asks for configurations,
// evaluates them and reports the values, one JSON object per line each way. The protocol
// is described in docs/asktell.md and in `tailsweep asktell --help`.
//
// A session is a sweep.Spec built from the init line, with the metrics f0, f1, ... (all
// minimised) and the constraints c0 <= 0, c1 <= 0, ..., and with its ledger in memory.
// An ask is one call of a sampler. Invalid input is refused before it reaches a sampler,
// and a refused line changes nothing.
//
// It must not import conduct, simulate or specfile.
package asktell
