// Package spectest has spec texts for tests, and ledgers with several seeds.
//
// Invariant: Base and Searched are valid; specfile's tests parse them.
//
// It must not be imported outside tests, nor import specfile, whose tests import it.
package spectest
