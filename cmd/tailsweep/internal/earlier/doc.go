// Package earlier finds and checks the earlier sweeps that a new sweep learns from, and
// says how many of their results it can use, for the verbs that take --from or a spec that
// has the field. How a method uses the results is decided in sweep/sampler/prior.go.
//
// Invariant: it only reads the store.
//
// It must not import a group of verbs, Temporal or workflows.
package earlier
