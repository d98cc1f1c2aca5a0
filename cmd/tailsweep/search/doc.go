// Package search has the verbs that run the search without training anything.
//
// Invariant: the verbs need no service: neither Temporal nor the object store.
//
// It must not import another group of verbs, Temporal, the archive or trainer.
package search
