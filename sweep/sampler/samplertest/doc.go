// Package samplertest is the contract that every sampler passes: bounds, steps,
// conditions, exact zeros, no duplicates, purity, and an answer to any ledger. It
// is for tests alone.
//
// Invariant: Run tests each method on the same spaces and ledgers; no test knows how a method
// works.
//
// It must not be imported outside tests.
package samplertest
